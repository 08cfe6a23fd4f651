package netbsd

// Sizes of terminal structures.
const (
	SizeofTermios  = 44
	SizeofWinsize  = 8
	SizeofPtmget   = 2056
	SizeofPtmget60 = 40 // with names of 16 bytes, as GOOS=netbsd's constants have it
)

// Termios is struct termios: four flag words, 20 control characters at 16, speeds
// at 36 and 40.
type Termios struct {
	Iflag, Oflag, Cflag, Lflag uint32
	Cc                         [NCCS]byte
	Ispeed, Ospeed             int32
}

// Encode fills 44 bytes.
func (t *Termios) Encode(b []byte) {
	for i, f := range [...]uint32{t.Iflag, t.Oflag, t.Cflag, t.Lflag} {
		le.PutUint32(b[4*i:], f)
	}
	copy(b[16:36], t.Cc[:])
	le.PutUint32(b[36:], uint32(t.Ispeed))
	le.PutUint32(b[40:], uint32(t.Ospeed))
}

// DecodeTermios reads 44 bytes.
func DecodeTermios(b []byte) Termios {
	return Termios{le.Uint32(b), le.Uint32(b[4:]), le.Uint32(b[8:]), le.Uint32(b[12:]),
		[NCCS]byte(b[16:36]), int32(le.Uint32(b[36:])), int32(le.Uint32(b[40:]))}
}

// Winsize is struct winsize.
type Winsize struct{ Row, Col, Xpixel, Ypixel uint16 }

// Encode fills 8 bytes.
func (w Winsize) Encode(b []byte) {
	for i, v := range [...]uint16{w.Row, w.Col, w.Xpixel, w.Ypixel} {
		le.PutUint16(b[2*i:], v)
	}
}

// DecodeWinsize reads 8 bytes.
func DecodeWinsize(b []byte) Winsize {
	return Winsize{le.Uint16(b), le.Uint16(b[2:]), le.Uint16(b[4:]), le.Uint16(b[6:])}
}

// Ptmget is struct ptmget of ptm(4): the two descriptors and the two names.
type Ptmget struct {
	Controller, Terminal         int32
	ControllerName, TerminalName string
}

// Encode fills b: 2056 bytes with names of 1024, or the 40 of the older layout.
func (p *Ptmget) Encode(b []byte) {
	n := (len(b) - 8) / 2
	le.PutUint32(b, uint32(p.Controller))
	le.PutUint32(b[4:], uint32(p.Terminal))
	putStr(b[8:8+n], p.ControllerName)
	putStr(b[8+n:8+2*n], p.TerminalName)
}

// Parts of an ioctl request: direction bits, length of the argument, group, number.
const (
	IOC_VOID  = 0x20000000
	IOC_OUT   = 0x40000000
	IOC_IN    = 0x80000000
	IOC_INOUT = IOC_IN | IOC_OUT
)

// Ioctl is a request taken apart.
type Ioctl struct {
	In, Out bool // the argument is copied in, out
	Len     int  // of the argument
	Group   byte // a letter, 't' for terminals
	Num     byte
}

// DecodeIoctl takes a request apart.
func DecodeIoctl(req uint64) Ioctl {
	return Ioctl{
		In:    req&IOC_IN != 0,
		Out:   req&IOC_OUT != 0,
		Len:   int(req >> 16 & 0x1fff),
		Group: byte(req >> 8),
		Num:   byte(req),
	}
}
