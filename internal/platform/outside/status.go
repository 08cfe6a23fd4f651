package outside

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A Status is what the host says of one of its processes.
type Status struct {
	Pid, Parent, Group, Session int
	UID, GID                    uint32 // the effective ones
	Groups                      []uint32
	Umask                       uint32
	// Blocked and Ignored are signals, by Linux's numbers: n is bit n-1.
	Blocked, Ignored uint64
}

// StatusOf returns the status of the process that pid, or a thread's id, belongs to.
func StatusOf(pid int) (Status, error) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return Status{}, err
	}
	var s Status
	for line := range strings.Lines(string(b)) {
		key, value, _ := strings.Cut(line, ":")
		if err := s.set(key, strings.Fields(value)); err != nil {
			return s, fmt.Errorf("/proc/%d/status: %s: %w", pid, key, err)
		}
	}
	if s.Group, err = unix.Getpgid(s.Pid); err != nil {
		return s, os.NewSyscallError("getpgid", err)
	}
	s.Session, err = unix.Getsid(s.Pid)
	return s, os.NewSyscallError("getsid", err)
}

// set takes a line of the file. Of the four ids that it has, the second is the effective one.
func (s *Status) set(key string, value []string) (err error) {
	number := func(i, base int) (n uint64) {
		if err == nil && i < len(value) {
			n, err = strconv.ParseUint(value[i], base, 64)
		}
		return n
	}
	switch key {
	case "Tgid":
		s.Pid = int(number(0, 10))
	case "PPid":
		s.Parent = int(number(0, 10))
	case "Uid":
		s.UID = uint32(number(1, 10))
	case "Gid":
		s.GID = uint32(number(1, 10))
	case "Groups":
		for i := range value {
			s.Groups = append(s.Groups, uint32(number(i, 10)))
		}
	case "Umask":
		s.Umask = uint32(number(0, 8))
	case "SigBlk":
		s.Blocked = number(0, 16)
	case "SigIgn":
		s.Ignored = number(0, 16)
	}
	return err
}
