package vfs

import (
	"bytes"
	"encoding/binary"
	"sync"

	"toaster/internal/file"
	"toaster/internal/hostfile"
	"toaster/kern"
	"toaster/netbsd"
)

// This file has what rndctl(8) asks of rnd(4) and tells it (entropy_ioctl).

// entropySource is a source of entropy, as RNDGETSRCNUM tells of it. What it has given does not change: all comes from the host's generator.
type entropySource struct {
	name        string
	total, kind uint32
	flags       uint32
}

// entropy is a machine's sources, the newest first. RNDCTL's flags are kept for whoever asks: the host's generator is never without entropy.
type entropy struct {
	mu      sync.Mutex
	sources [3]entropySource
}

func newEntropy() *entropy {
	return &entropy{sources: [3]entropySource{
		{"/dev/random", 0, netbsd.RND_TYPE_UNKNOWN, netbsd.RND_FLAG_COLLECT_VALUE},
		{"host", entropyFull, netbsd.RND_TYPE_RNG, netbsd.RND_FLAG_COLLECT_VALUE},
		{"seed", 0, netbsd.RND_TYPE_UNKNOWN, netbsd.RND_FLAG_COLLECT_VALUE},
	}}
}

// Of a pool (struct rndpoolstat): words of it, bytes that it wants, and bits that it can have. That is what it has.
const (
	poolWords   = 50
	poolWanted  = 32
	entropyFull = 256
)

// randomFile is an open /dev/random or /dev/urandom.
type randomFile struct {
	*hostfile.Random
	pool *entropy
}

// newRandom returns how to make one, of sources that all of a machine's share.
func newRandom(pool *entropy) func(file.Stat) file.File {
	return func(st file.Stat) file.File { return &randomFile{hostfile.NewRandom(st), pool} }
}

// Ioctl implements file.File. EPERM: anybody but the superuser.
func (f *randomFile) Ioctl(c file.Call, cmd uint32, data []byte) netbsd.Errno {
	switch cmd {
	case netbsd.FIOASYNC:
		return 0
	case netbsd.RNDGETENTCNT, netbsd.RNDGETPOOLSTAT, netbsd.RNDGETSRCNUM, netbsd.RNDGETSRCNAME, netbsd.RNDGETESTNUM, netbsd.RNDGETESTNAME,
		netbsd.RNDCTL, netbsd.RNDADDDATA:
		if l, ok := c.L.(*kern.LWP); ok && !l.Proc().Cred().IsRoot() {
			return netbsd.EPERM
		}
		return f.pool.ask(cmd, data)
	case netbsd.COMPAT_RNDGETSRCNUM:
		return f.numbered50(c, data)
	case netbsd.COMPAT_RNDGETSRCNAME:
		return f.named50(c, data)
	}
	return netbsd.ENOTTY
}

func (e *entropy) ask(cmd uint32, data []byte) netbsd.Errno {
	le := binary.LittleEndian
	switch cmd {
	case netbsd.RNDGETENTCNT:
		return file.PutInt(data, entropyFull)
	case netbsd.RNDGETPOOLSTAT:
		for i, n := range [...]uint32{poolWords, poolWanted, entropyFull, 0, entropyFull, 0, 0, 0} {
			le.PutUint32(data[4*i:], n)
		}
	case netbsd.RNDGETSRCNUM:
		return e.numbered(data, netbsd.SizeofRndsource)
	case netbsd.RNDGETESTNUM:
		return e.numbered(data, netbsd.SizeofRndsourceEst)
	case netbsd.RNDGETSRCNAME, netbsd.RNDGETESTNAME:
		return e.named(data)
	case netbsd.RNDCTL:
		e.control(data)
	case netbsd.RNDADDDATA:
		// What a guest has is not needed: the host's generator has been seeded.
		if n := le.Uint32(data); int64(n) > int64(len(data)-8) {
			return netbsd.EINVAL
		}
	}
	return 0
}

// put encodes a source of what is told of it; estimates behind it are zero, as no samples are taken.
func (s *entropySource) put(b []byte) {
	le := binary.LittleEndian
	clear(b)
	copy(b[:15], s.name)
	le.PutUint32(b[16:], s.total)
	le.PutUint32(b[20:], s.kind)
	le.PutUint32(b[24:], s.flags)
}

// numbered is RNDGETSRCNUM, and with estimates RNDGETESTNUM: how many from which one on. EINVAL: too many.
func (e *entropy) numbered(data []byte, size int) netbsd.Errno {
	le := binary.LittleEndian
	start, count := le.Uint32(data), le.Uint32(data[4:])
	switch {
	case count == 0:
		return 0
	case count > netbsd.RND_MAXSTATCOUNT:
		return netbsd.EINVAL
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	n := uint32(0)
	for i := start; n < count && i < uint32(len(e.sources)); i++ {
		at := 8 + int(n)*size
		e.sources[i].put(data[at : at+size])
		n++
	}
	le.PutUint32(data[4:], n)
	return 0
}

// has reports whether b, which need not end, is the source's name.
func (s *entropySource) has(b []byte) bool {
	name, _, _ := bytes.Cut(b[:16], []byte{0})
	return string(name) == s.name
}

// named is RNDGETSRCNAME and RNDGETESTNAME. ENOENT: no such source.
func (e *entropy) named(data []byte) netbsd.Errno {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range e.sources {
		if s := &e.sources[i]; s.has(data) {
			s.put(data[16:])
			return 0
		}
	}
	return netbsd.ENOENT
}

// control is RNDCTL: of all sources of a type, or of the one with a name, or of all.
func (e *entropy) control(data []byte) {
	const byName = 0xff
	le := binary.LittleEndian
	kind, flags := le.Uint32(data[16:]), le.Uint32(data[20:])
	mask := le.Uint32(data[24:]) & (netbsd.RND_FLAG_NO_ESTIMATE | netbsd.RND_FLAG_NO_COLLECT)
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range e.sources {
		s := &e.sources[i]
		if kind == byName && data[0] != 0 && !s.has(data) || kind != byName && kind != s.kind {
			continue
		}
		s.flags = s.flags&^mask | flags&mask
	}
}

// Of struct rndsource50: three numbers that are no more, behind the name, and an address of the kernel's at the end.
const (
	source50Size = 48
	source50Rest = 28
)

func put50(to, from []byte) {
	clear(to[:source50Size])
	copy(to, from[:16])
	copy(to[source50Rest:], from[16:netbsd.SizeofRndsource])
}

// numbered50 is NetBSD 5's RNDGETSRCNUM (compat_50_rnd_ioctl).
func (f *randomFile) numbered50(c file.Call, data []byte) netbsd.Errno {
	count := binary.LittleEndian.Uint32(data[4:])
	if count > netbsd.RND_MAXSTATCOUNT {
		return netbsd.EINVAL
	}
	now := make([]byte, 8+netbsd.RND_MAXSTATCOUNT*netbsd.SizeofRndsource)
	copy(now, data[:8])
	if errno := f.Ioctl(c, netbsd.RNDGETSRCNUM, now); errno != 0 {
		return errno
	}
	copy(data[4:8], now[4:8])
	for i := range int(count) {
		put50(data[8+i*source50Size:], now[8+i*netbsd.SizeofRndsource:])
	}
	return 0
}

// named50 is NetBSD 5's RNDGETSRCNAME.
func (f *randomFile) named50(c file.Call, data []byte) netbsd.Errno {
	now := make([]byte, 16+netbsd.SizeofRndsource)
	copy(now, data[:15])
	errno := f.Ioctl(c, netbsd.RNDGETSRCNAME, now)
	if errno == 0 {
		put50(data[16:], now[16:])
	}
	return errno
}
