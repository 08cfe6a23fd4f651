package host

import "encoding/binary"

const ptLoad, ptGNUStack, pfR, pfW, pfX = 1, 0x6474e551, 4, 2, 1

// elfHeader begins a static executable for amd64, of which headers program headers
// follow.
func elfHeader(img []byte, entry uint64, headers int) {
	le := binary.LittleEndian
	copy(img, "\x7fELF\x02\x01\x01")
	le.PutUint16(img[16:], 2)  // ET_EXEC
	le.PutUint16(img[18:], 62) // EM_X86_64
	le.PutUint32(img[20:], 1)
	le.PutUint64(img[24:], entry)
	le.PutUint64(img[32:], 64) // program headers
	le.PutUint16(img[52:], 64)
	le.PutUint16(img[54:], 56)
	le.PutUint16(img[56:], uint16(headers))
}

// programHeader describes a segment, as long in memory as in the file.
func programHeader(img []byte, i int, typ, flags uint32, off, addr, size uint64) {
	le := binary.LittleEndian
	h := img[64+56*i:]
	le.PutUint32(h[0:], typ)
	le.PutUint32(h[4:], flags)
	le.PutUint64(h[8:], off)
	le.PutUint64(h[16:], addr)
	le.PutUint64(h[24:], addr)
	le.PutUint64(h[32:], size)
	le.PutUint64(h[40:], size)
	le.PutUint64(h[48:], 0x1000)
}

// stubImage returns the zygote's executable, at fixed addresses: the stub's
// code, and its read-only configuration. They are separate segments, as
// the filter trusts every instruction of the first one.
func stubImage(code, config []byte) []byte {
	const code0, config0 = 0x1000, 0x1000 + stubSize // offsets
	img := make([]byte, code0+stubSize+cfgSize)
	elfHeader(img, stubAddr, 3)
	programHeader(img, 0, ptLoad, pfR|pfX, code0, stubAddr, stubSize)
	programHeader(img, 1, ptLoad, pfR, config0, cfgAddr, cfgSize)
	programHeader(img, 2, ptGNUStack, pfR|pfW, 0, 0, 0)
	for i := code0; i < config0; i++ {
		img[i] = 0xf4 // hlt
	}
	copy(img[code0:], code)
	copy(img[config0:], config)
	return img
}
