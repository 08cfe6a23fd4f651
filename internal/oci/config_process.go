package oci

import (
	"github.com/opencontainers/runtime-spec/specs-go"
	"sync"

	"toaster"
	"toaster/kern"
	"toaster/netbsd"
)

const maxGroups = netbsd.NGROUPS_MAX

// rlimitNames are the resources of Linux (getrlimit(2)) with NetBSD's numbers, -1 for what NetBSD has not.
var rlimitNames = sync.OnceValue(func() map[string]int {
	return map[string]int{
		"RLIMIT_CPU": netbsd.RLIMIT_CPU, "RLIMIT_FSIZE": netbsd.RLIMIT_FSIZE, "RLIMIT_DATA": netbsd.RLIMIT_DATA,
		"RLIMIT_STACK": netbsd.RLIMIT_STACK, "RLIMIT_CORE": netbsd.RLIMIT_CORE, "RLIMIT_RSS": netbsd.RLIMIT_RSS,
		"RLIMIT_MEMLOCK": netbsd.RLIMIT_MEMLOCK, "RLIMIT_NPROC": netbsd.RLIMIT_NPROC, "RLIMIT_NOFILE": netbsd.RLIMIT_NOFILE,
		"RLIMIT_AS":    netbsd.RLIMIT_AS,
		"RLIMIT_LOCKS": -1, "RLIMIT_MSGQUEUE": -1, "RLIMIT_NICE": -1, "RLIMIT_RTPRIO": -1, "RLIMIT_RTTIME": -1, "RLIMIT_SIGPENDING": -1,
	}
})

// rlimits are a process's limits by NetBSD's numbers.
func rlimits(c *specs.Process) (map[int]kern.Rlimit, error) {
	limits := map[int]kern.Rlimit{}
	seen := map[string]bool{}
	for _, r := range c.Rlimits {
		which, known := rlimitNames()[r.Type]
		switch {
		case !known:
			return nil, refused("rlimits: there is no %q", r.Type)
		case seen[r.Type]:
			return nil, refused("rlimits: %s is there twice", r.Type)
		case r.Soft > r.Hard:
			return nil, refused("rlimits: %s: the soft limit is above the hard one", r.Type)
		case which >= 0:
			limits[which] = kern.Rlimit{Cur: min(r.Soft, netbsd.RLIM_INFINITY), Max: min(r.Hard, netbsd.RLIM_INFINITY)}
		}
		seen[r.Type] = true
	}
	return limits, nil
}

// prepare makes a command of a process's description. Its descriptors are the caller's affair.
func prepare(m *toaster.Machine, c *specs.Process) (*toaster.Cmd, error) {
	limits, err := rlimits(c)
	if err != nil {
		return nil, err
	}
	cmd := m.Command(c.Args[0], c.Args[1:]...)
	cmd.Env, cmd.Dir = c.Env, c.Cwd
	if cmd.Env == nil {
		cmd.Env = []string{}
	}
	cmd.User = &toaster.User{UID: c.User.UID, GID: c.User.GID, Groups: c.User.AdditionalGids}
	cmd.Rlimits = limits
	umask := uint32(0o022)
	if c.User.Umask != nil {
		umask = *c.User.Umask
	}
	cmd.Umask = &umask
	return cmd, nil
}
