package netbsd

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// This file holds the notation in which the arguments of system calls are written:
// one line says how a call is decoded, traced and documented.

// Prototype is what a system call takes and returns.
type Prototype struct {
	Args []Arg // in register order
	Ret  Result
}

// MaxSyscall is the size of the kernel's table (SYS_NSYSENT). NetBSD/amd64 takes the
// number from RAX modulo this; where there is no call it sends SIGSYS and answers
// ENOSYS (sys_nosys).
const MaxSyscall = 512

// Result says what a call returns in RAX when it succeeds.
type Result uint8

// Kinds of result.
const (
	RetInt   Result = iota // a number, most often just 0
	RetNone                // void
	RetFd                  // a descriptor
	RetPid                 // a process id
	RetLid                 // an LWP id
	RetUID                 // a user or group id
	RetMode                // permission bits, octal
	RetSize                // a count of bytes or elements
	RetPtr                 // an address
	RetPair                // two values: RAX and RDX
	RetErrno               // an error number as a value, carry clear
	RetNever               // does not return when it succeeds
	RetHex                 // bits
)

// Kind says how an argument is to be read.
type Kind uint8

// Kinds of argument.
const (
	KInt     Kind = iota
	KUint         // unsigned 32 bits
	KLong         // signed 64 bits
	KUlong        // unsigned 64 bits
	KSize         // unsigned 64 bits, a length
	KOff          // signed 64 bits, a position
	KHex          // bits without names
	KPtr          // an address that is not followed
	KPad          // takes an argument's place, means nothing
	KFd           // a descriptor
	KDirFd        // a descriptor or AT_FDCWD
	KPath         // address of a path name
	KStr          // address of a string
	KMode         // permission bits
	KUID          // a user or group id, -1 possible
	KPid          // a process or group id
	KLid          // an LWP id
	KSignal       // a signal number
	KClock        // a clock id
	KDev          // a device number
	KFlags        // bits of Set
	KEnum         // one value of Set
	KBuf          // address of bytes, as many as argument Len says
	KStruct       // address of a Layout, or of Count or Len of them
	KStrv         // address of a null-terminated array of strings
	KIoctl        // ioctl's data: argument Len is the request
	KFcntl        // fcntl's argument: argument Len is the command
	KSyscall      // a system-call number
)

// Dir says in which direction memory behind a pointer is copied.
type Dir uint8

// Directions, as bits.
const (
	In  Dir = 1 // the kernel reads it
	Out Dir = 2 // the kernel writes it
)

// Arg describes one argument of a call.
type Arg struct {
	Name   string
	Kind   Kind
	Dir    Dir
	Layout string   // KStruct: a name that LayoutSize knows
	Set    *FlagSet // KFlags, KEnum
	Len    int      // index of the argument that has the length, or -1
	Deref  bool     // that argument points to the length
	Count  int      // a fixed number of elements; 0: one, or Len many
}

// NArgs returns the number of arguments in a signature, without the price of ParseArgs.
func NArgs(sig string) int {
	if sig == "" {
		return 0
	}
	return 1 + strings.Count(sig, ",")
}

var simpleKinds = sync.OnceValue(func() map[string]Kind {
	return map[string]Kind{
		"int": KInt, "uint": KUint, "long": KLong, "ulong": KUlong, "size": KSize, "off": KOff,
		"hex": KHex, "ptr": KPtr, "pad": KPad, "fd": KFd, "dirfd": KDirFd, "path": KPath, "str": KStr,
		"mode": KMode, "uid": KUID, "pid": KPid, "lid": KLid, "signal": KSignal, "clock": KClock,
		"dev": KDev, "strv": KStrv, "syscall": KSyscall,
	}
})

// ParseArgs reads a signature: arguments "name kind" between commas, where kind is
//
//	fd, path, int...     a word of simpleKinds
//	|set  =set           bits, or one value, of a flag set
//	<buf[n]  >buf[n]     bytes that the kernel reads or writes, n another argument
//	<T  >T  <>T          the address of a structure
//	<T[n]  >T[2]  >T[*p] an array: n an argument, a number, or a pointer to the length
//	ioctl(n)  fcntl(n)   an argument whose meaning hangs on another one
func ParseArgs(sig string) ([]Arg, error) {
	if sig == "" {
		return nil, nil
	}
	fields := strings.Split(sig, ", ")
	names := make(map[string]int, len(fields))
	for i, f := range fields {
		name, _, ok := strings.Cut(f, " ")
		if !ok {
			return nil, fmt.Errorf("%q has no kind", f)
		}
		names[name] = i
	}
	args := make([]Arg, len(fields))
	for i, f := range fields {
		name, kind, _ := strings.Cut(f, " ")
		a, err := parseKind(kind, names)
		if err != nil {
			return nil, err
		}
		a.Name = name
		args[i] = a
	}
	return args, nil
}

func parseKind(s string, names map[string]int) (Arg, error) {
	a := Arg{Len: -1}
	if k, ok := simpleKinds()[s]; ok {
		a.Kind = k
		if k == KPath || k == KStr || k == KStrv {
			a.Dir = In
		}
		return a, nil
	}
	switch {
	case s[0] == '|' || s[0] == '=':
		a.Kind = KFlags
		if s[0] == '=' {
			a.Kind = KEnum
		}
		if a.Set = FlagSets()[s[1:]]; a.Set == nil {
			return a, fmt.Errorf("no flag set %q", s[1:])
		}
		return a, nil
	case s[0] == '<' || s[0] == '>':
		return parsePointer(a, s, names)
	}
	word, rest, _ := strings.Cut(s, "(")
	a.Kind = map[string]Kind{"ioctl": KIoctl, "fcntl": KFcntl}[word]
	if a.Kind == 0 {
		return a, fmt.Errorf("no kind %q", s)
	}
	return a, a.setLen(strings.TrimSuffix(rest, ")"), names)
}

func parsePointer(a Arg, s string, names map[string]int) (Arg, error) {
	if s[0] == '<' {
		a.Dir, s = In, s[1:]
	}
	if s[0] == '>' {
		a.Dir, s = a.Dir|Out, s[1:]
	}
	layout, n, isArray := strings.Cut(strings.TrimSuffix(s, "]"), "[")
	a.Kind, a.Layout = KStruct, layout
	if layout == "buf" {
		a.Kind, a.Layout = KBuf, ""
	} else if LayoutSize(layout) == 0 {
		return a, fmt.Errorf("no layout %q", layout)
	}
	if !isArray {
		return a, nil
	}
	return a, a.setLen(n, names)
}

func (a *Arg) setLen(n string, names map[string]int) error {
	if c, err := strconv.Atoi(n); err == nil {
		a.Count = c
		return nil
	}
	if strings.HasPrefix(n, "*") {
		a.Deref, n = true, n[1:]
	}
	i, ok := names[n]
	if !ok {
		return fmt.Errorf("no argument %q", n)
	}
	a.Len = i
	return nil
}
