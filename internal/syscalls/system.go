package syscalls

import (
	"crypto/rand"
	"encoding/binary"
	"time"

	"toaster/netbsd"
)

// entropyCapacity is how much getrandom(2) returns with GRND_RANDOM (ENTROPY_CAPACITY of sys/entropy.h).
const entropyCapacity = 32

// randomChunk is RANDOM_BUFSIZE of sys_getrandom.c.
const randomChunk = 512

// getrandom is getrandom(void *buf, size_t buflen, unsigned int flags). EINVAL: unknown flags, or GRND_RANDOM with GRND_INSECURE. EFAULT.
//
// Nobody waits for entropy: the host has it. A call that is long ends early for a signal, and what was moved before an
// error is a success (sys_getrandom, dogetrandom): 512 bytes at a time.
func getrandom(c *Call) netbsd.Errno {
	addr, n, flags := c.Ptr(0), c.Args[1], c.Int(2)
	const both = netbsd.GRND_RANDOM | netbsd.GRND_INSECURE
	if flags&^(both|netbsd.GRND_NONBLOCK) != 0 || flags&both == both {
		return netbsd.EINVAL
	}
	if flags&netbsd.GRND_RANDOM != 0 {
		n = min(n, entropyCapacity)
	}
	most := uint64(ioChunk)
	b := make([]byte, min(n, most))
	for done := uint64(0); done < n; {
		b := b[:min(n-done, most)]
		rand.Read(b)
		errno := c.copyout(addr+done, b)
		if errno != 0 && most > randomChunk {
			most = randomChunk // there is memory for some of it, perhaps
			continue
		}
		if errno == 0 {
			done += uint64(len(b))
			errno = c.signalled(done < n)
		}
		if errno != 0 && done > 0 {
			return c.ok(done)
		}
		if errno != 0 {
			return errno
		}
	}
	return c.ok(n)
}

// signalled returns EINTR or ERESTART if a signal has come for who is to go on.
func (c *Call) signalled(goesOn bool) netbsd.Errno {
	if !goesOn {
		return 0
	}
	if errno := c.L.Sleep(true, time.Now()); errno != netbsd.EWOULDBLOCK {
		return errno
	}
	return 0
}

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

// sysarch is sysarch(int op, void *parms). Of the operations of NetBSD/amd64 there are those on the bases of FS and
// GS. The others are as sys_sysarch has them for a program without the right or the device: EPERM for
// IOPL, ENOSYS for the registers of memory types (GENERIC has MTRR, and this machine no such registers), EINVAL for what amd64 has for 32-bit
// programs alone (LDTs, by netbsd32_sysarch), or not at all (I/O permissions), and what is none.
func sysarch(c *Call) netbsd.Errno {
	switch c.Int(0) {
	case netbsd.X86_IOPL:
		return netbsd.EPERM
	case netbsd.X86_GET_MTRR, netbsd.X86_SET_MTRR:
		return netbsd.ENOSYS
	case netbsd.X86_GET_FSBASE:
		return c.getBase(c.CPU.FSBase())
	case netbsd.X86_GET_GSBASE:
		return c.getBase(c.CPU.GSBase())
	case netbsd.X86_SET_FSBASE:
		return c.setBase(c.CPU.SetFSBase)
	case netbsd.X86_SET_GSBASE:
		return c.setBase(c.CPU.SetGSBase)
	}
	return netbsd.EINVAL
}

// getBase stores a segment's base (x86_get_sdbase).
func (c *Call) getBase(base uint64) netbsd.Errno {
	b := c.out(8)
	binary.LittleEndian.PutUint64(b, base)
	return c.copyout(c.Ptr(1), b)
}

// setBase sets a segment's base (x86_set_sdbase).
func (c *Call) setBase(set func(base uint64) netbsd.Errno) netbsd.Errno {
	b := c.out(8)
	if errno := c.Space.Read(c.Ptr(1), b); errno != 0 {
		return errno
	}
	return set(le64(b))
}
