package outside

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// This file finds out what an execve of the host is about: it reads the name from the
// caller's memory and opens the file in the caller's view.

// A Kind is what a file is to the host.
type Kind uint8

// Kinds of files: what Linux knows better, a program of the machine, a script.
const (
	Native Kind = iota
	Guest
	Script
)

// A Look is what Options.Identify says of a file: its kind, and a script's interpreter.
type Look struct {
	Kind   Kind
	Interp string
}

// maxScripts is how many scripts Linux follows, of which one is the interpreter of the other.
const maxScripts = 5

// A target is the file of an execve.
type target struct {
	name    string // as the caller gave it, or the host's where that is none in a file system
	file    *os.File
	nameAt  uint64 // where the name lies in the caller's memory
	nameLen int
	outside bool // to be run beyond the filter
}

// look returns the file if it is the machine's, or a script for such a program, or cannot run below the
// filter; nil where the call is Linux's to answer, whatever is wrong with it.
func (s *supervisor) look(n *notification) *target {
	at, nameAt, flags := int32(unix.AT_FDCWD), n.args[0], 0
	if n.nr == unix.SYS_EXECVEAT {
		at, nameAt, flags = int32(n.args[0]), n.args[1], int(n.args[4])
	}
	name, ok := readName(int(n.pid), nameAt)
	if !ok || name == "" && flags&unix.AT_EMPTY_PATH == 0 {
		return nil
	}
	t := &target{name: name, nameAt: nameAt, nameLen: len(name), outside: flags&outsideFlag != 0}
	path := pathOf(n.pid, at, name)
	fd, st, ok := findProgram(path)
	if !ok {
		return nil
	}
	defer unix.Close(fd)
	if !t.outside && s.known.native(&st) {
		return nil
	}
	t.outside = t.outside || s.plain && privileged(fd, &st)
	if t.file = s.choose(n.pid, fd, t.outside); t.file == nil {
		return nil
	}
	if at != unix.AT_FDCWD && !filepath.IsAbs(name) || strings.HasPrefix(name, "/proc/") || strings.HasPrefix(name, "/dev/fd/") {
		if full, err := os.Readlink(procFD(fd)); err == nil {
			t.name = full
		}
	}
	return t
}

// choose returns the file of descriptor fd if Linux is not to execute it: opened, if it is one of the machine's,
// or as it is for what is to be run outside, which may not be readable.
func (s *supervisor) choose(pid uint32, fd int, outside bool) *os.File {
	if outside {
		if dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0); err == nil {
			return os.NewFile(uintptr(dup), "program")
		}
		return nil
	}
	f, err := os.Open(procFD(fd))
	if err != nil {
		return nil
	}
	if !s.isGuest(pid, f, maxScripts) {
		f.Close()
		return nil
	}
	return f
}

// isGuest reports whether f, or what it is a script for, is a program of the machine.
func (s *supervisor) isGuest(pid uint32, f *os.File, depth int) bool {
	l := s.identify(f)
	if l.Kind == Native {
		s.known.add(f)
	}
	if l.Kind != Script || depth == 0 {
		return l.Kind == Guest
	}
	fd, _, ok := findProgram(pathOf(pid, unix.AT_FDCWD, l.Interp))
	if !ok {
		return false
	}
	defer unix.Close(fd)
	in, err := os.Open(procFD(fd))
	if err != nil {
		return false
	}
	defer in.Close()
	return s.isGuest(pid, in, depth-1)
}

// pathOf is what the caller's name is to toaster. What proc(5) shows each process of itself is
// the caller's.
func pathOf(pid uint32, at int32, name string) string {
	proc := "/proc/" + strconv.Itoa(int(pid))
	switch {
	case strings.HasPrefix(name, "/dev/fd/"):
		return proc + "/fd/" + strings.TrimPrefix(name, "/dev/fd/")
	case strings.HasPrefix(name, "/proc/self/"), strings.HasPrefix(name, "/proc/thread-self/"):
		_, rest, _ := strings.Cut(name, "self/")
		return proc + "/" + rest
	case filepath.IsAbs(name):
		return proc + "/root" + name
	case at == unix.AT_FDCWD:
		return proc + "/cwd/" + name
	case name == "":
		return fmt.Sprintf("%s/fd/%d", proc, at)
	}
	return fmt.Sprintf("%s/fd/%d/%s", proc, at, name)
}

// findProgram returns a descriptor (O_PATH) of a regular file that somebody may execute. It is looked at before it
// is opened: to open a FIFO or a device has effects.
func findProgram(path string) (fd int, st unix.Stat_t, ok bool) {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, st, false
	}
	if unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG || st.Mode&0o111 == 0 {
		unix.Close(fd)
		return -1, st, false
	}
	return fd, st, true
}

// privilegedPath is privileged for a program that is found by its name.
func privilegedPath(path string) bool {
	fd, st, ok := findProgram(path)
	if !ok {
		return false
	}
	defer unix.Close(fd)
	return privileged(fd, &st)
}

// procFD is a name for what a descriptor of this process leads to.
func procFD(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// readName reads a string of at most PATH_MAX bytes from a process, a page at a time: the next
// one may not be there.
func readName(pid int, at uint64) (string, bool) {
	const page = 4096
	var name []byte
	for len(name) < unix.PathMax {
		b := make([]byte, page-at%page)
		n, err := readMemory(pid, at, b)
		if err != nil || n == 0 {
			return "", false
		}
		if i := bytes.IndexByte(b[:n], 0); i >= 0 {
			return string(append(name, b[:i]...)), true
		}
		name, at = append(name, b[:n]...), at+uint64(n)
	}
	return "", false
}

func readMemory(pid int, at uint64, b []byte) (int, error) {
	local := []unix.Iovec{{Base: unsafe.SliceData(b), Len: uint64(len(b))}}
	return unix.ProcessVMReadv(pid, local, []unix.RemoteIovec{{Base: uintptr(at), Len: len(b)}}, 0)
}
