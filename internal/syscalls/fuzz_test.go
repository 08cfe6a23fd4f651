package syscalls

import (
	"testing"

	"toaster/netbsd"
)

// A script is bytes that say which calls a guest makes: each takes two for the number,
// and two for each of eight arguments.
const scriptStep = 18

// scriptArg is what two bytes say that an argument is: a small number, a descriptor, an
// address, one of the numbers at which things go wrong, or bits.
func (p *player) scriptArg(kind, v byte) uint64 {
	edges := [...]uint64{
		0, ^uint64(0), 1 << 31, 1<<31 - 1, 1 << 32, 1<<32 - 1, 1 << 63, 1<<63 - 1, bad, userEnd, userEnd - 1,
		4095, 4096, 4097, netbsd.MaxSyscall, nobody, self(p), uint64(1<<64 - 100), // AT_FDCWD
	}
	switch kind % 8 {
	case 0, 1:
		return uint64(v % 8)
	case 2, 3, 4:
		return ramBase + 16*uint64(v)
	case 5:
		return edges[int(v)%len(edges)]
	case 6:
		return 1 << (v % 64)
	}
	return uint64(int64(int8(v)))
}

// run makes the calls of a script with memory that begins with data. Somebody has killed the
// process already, so that no sleep lasts; it takes notice when the script is over.
func (p *player) run(script, data []byte) {
	p.mem.put(append(data[:min(len(data), 2*pageSize)], make([]byte, 2*pageSize)...))
	p.c.L.Proc().Kill(netbsd.SIGKILL)
	for ; len(script) >= scriptStep; script = script[scriptStep:] {
		p.c.Nr = int(le.Uint16(script)) % netbsd.MaxSyscall
		p.c.Ret = [2]uint64{}
		for i := range p.c.Args {
			p.c.Args[i] = p.scriptArg(script[2+2*i], script[3+2*i])
		}
		if serve := Lookup(p.c.Nr); serve != nil {
			serve(p.c)
		}
	}
}

// No call and no argument makes a handler panic, or sleep for ever: what is hostile is an
// errno.
func FuzzCalls(f *testing.F) {
	step := func(nr int, a ...byte) []byte {
		s := make([]byte, scriptStep)
		le.PutUint16(s, uint16(nr))
		copy(s[2:], a)
		return s
	}
	data := append([]byte("name\x00"), make([]byte, 64)...)
	opened := append(step(netbsd.SYS_open, 2, 0, 6, 9, 0, 7), step(netbsd.SYS_pipe)...)
	opened = append(opened, step(netbsd.SYS_kqueue)...)
	opened = append(opened, step(netbsd.SYS_socketpair, 0, 1, 0, 1, 0, 0, 2, 1)...)
	for nr := range netbsd.MaxSyscall {
		if Lookup(nr) == nil {
			continue
		}
		var script []byte
		script = append(script, opened...)
		script = append(script, step(nr, 0, 0, 2, 0, 2, 1, 2, 2, 2, 3, 2, 4)...) // a descriptor, and addresses
		script = append(script, step(nr, 2, 0, 2, 1, 0, 1, 2, 2, 2, 3, 2, 4)...) // names
		script = append(script, step(nr, 5, 1, 5, 1, 5, 1, 5, 1, 5, 1, 5, 1)...) // -1 all over
		script = append(script, step(nr, 0, 1, 5, 8, 5, 8, 5, 8, 5, 8, 5, 8)...) // bad addresses
		f.Add(script, data)
	}
	f.Fuzz(func(t *testing.T, script, data []byte) {
		r := newRig(t)
		r.asHost = true
		r.run(func(p *player) { p.run(script[:min(len(script), 64*scriptStep)], data) })
	})
}
