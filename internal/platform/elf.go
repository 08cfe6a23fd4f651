package platform

import (
	"bytes"

	"golang.org/x/sys/unix"

	"toaster/internal/memprog"
)

// stubImage returns the zygote's executable, at fixed addresses: the stub's
// code, and its read-only configuration. They are separate segments, as
// the filter trusts every instruction of the first one.
func stubImage(code, config []byte) []byte {
	text := bytes.Repeat([]byte{0xf4}, stubSize) // hlt
	copy(text, code)
	return memprog.Image(stubAddr,
		memprog.Segment{Addr: stubAddr, Prot: unix.PROT_READ | unix.PROT_EXEC, Data: text},
		memprog.Segment{Addr: cfgAddr, Prot: unix.PROT_READ, Data: config})
}
