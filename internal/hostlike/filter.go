package hostlike

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A rule refuses a system call: always, or by an argument.
type rule struct {
	nr    uint32
	errno unix.Errno
	when  test
	arg   int
	value uint32
}

type test int

const (
	always   test = iota
	hasBits       // the argument's lower half has some of the bits
	isEqual       // its lower half is the value
	highFrom      // its upper half is the value, or more
	above         // the number of the call is greater than nr
)

// refuse makes the rules that refuse calls whatever their arguments.
func refuse(errno unix.Errno, numbers ...uint32) (list []rule) {
	for _, nr := range numbers {
		list = append(list, rule{nr: nr, errno: errno})
	}
	return list
}

// install puts the thread below a filter. Who may do that without giving up set-id
// programs, as container managers, does not give them up.
func install(rules []rule) error {
	if len(rules) == 0 {
		return nil
	}
	code := compile(rules)
	prog := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	filter := func() unix.Errno {
		_, _, e := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&prog)))
		return e
	}
	e := filter()
	if e == unix.EACCES {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return err
		}
		e = filter()
	}
	if e != 0 {
		return fmt.Errorf("a seccomp filter: %w", e)
	}
	return nil
}

// compile makes a program of rules: a few instructions each, with the call's number in the
// accumulator before and after.
func compile(rules []rule) []unix.SockFilter {
	const (
		number = 0 // offsets in struct seccomp_data
		args   = 16

		load = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		jump = unix.BPF_JMP | unix.BPF_K
		ret  = unix.BPF_RET | unix.BPF_K

		errno = 0x50000
		allow = 0x7fff0000
	)
	list := []unix.SockFilter{{Code: load, K: number}}
	for _, r := range rules {
		refusal := unix.SockFilter{Code: ret, K: errno | uint32(r.errno)}
		low := uint32(args + 8*r.arg)
		conditional := func(off uint32, op uint16) {
			list = append(list, unix.SockFilter{Code: jump | unix.BPF_JEQ, K: r.nr, Jf: 4}, unix.SockFilter{Code: load, K: off},
				unix.SockFilter{Code: jump | op, K: r.value, Jf: 1}, refusal, unix.SockFilter{Code: load, K: number})
		}
		switch r.when {
		case always:
			list = append(list, unix.SockFilter{Code: jump | unix.BPF_JEQ, K: r.nr, Jf: 1}, refusal)
		case above:
			list = append(list, unix.SockFilter{Code: jump | unix.BPF_JGT, K: r.nr, Jf: 1}, refusal)
		case hasBits:
			conditional(low, unix.BPF_JSET)
		case isEqual:
			conditional(low, unix.BPF_JEQ)
		case highFrom:
			conditional(low+4, unix.BPF_JGE)
		}
	}
	return append(list, unix.SockFilter{Code: ret, K: allow})
}
