package syscalls

import (
	"crypto/rand"
	"encoding/binary"

	"toaster/netbsd"
)

// uuidMax is how many identifiers one uuidgen(2) makes.
const uuidMax = 2048

// uuidgen is uuidgen(struct uuid *store, int count). The identifiers are random, version 4
// of RFC 4122, as kern_uuid.c makes them. EINVAL for a count below 1 or above 2048.
func uuidgen(c *Call) netbsd.Errno {
	n := c.Int(1)
	if n < 1 || n > uuidMax {
		return netbsd.EINVAL
	}
	b := make([]byte, n*sizeofUUID)
	rand.Read(b)
	for u := b; len(u) > 0; u = u[sizeofUUID:] {
		u[7] = u[7]&0x0f | 0x40 // the high byte of time_hi_and_version
		u[8] = u[8]&0x3f | 0x80 // clock_seq_hi_and_reserved
	}
	return c.copyout(c.Ptr(0), b)
}

const sizeofUUID = 16

// sysarch is sysarch(int op, void *parms). Of the operations of NetBSD/amd64 there are those on the base of FS; that of
// GS is the stub's. The others are as sys_sysarch has them for a program without the right or the device: EPERM for
// IOPL, ENOSYS for the registers of memory types, EINVAL for what GENERIC is built without (USER_LDT, IOPERM) and what
// is none.
func sysarch(c *Call) netbsd.Errno {
	b := c.out(8)
	switch c.Int(0) {
	case netbsd.X86_IOPL:
		return netbsd.EPERM
	case netbsd.X86_GET_MTRR, netbsd.X86_SET_MTRR:
		return netbsd.ENOSYS
	case netbsd.X86_GET_FSBASE:
		binary.LittleEndian.PutUint64(b, c.CPU.TLSBase())
		return c.copyout(c.Ptr(1), b)
	case netbsd.X86_SET_FSBASE:
		if errno := c.Space.Read(c.Ptr(1), b); errno != 0 {
			return errno
		}
		return c.CPU.SetTLSBase(le64(b))
	}
	return netbsd.EINVAL
}
