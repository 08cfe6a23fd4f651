package toaster

import (
	"fmt"
	"os"

	"toaster/internal/file"
	"toaster/kern"
	"toaster/netbsd"
)

// User says who a program runs as: what it may read and write is what that user of the
// host may, and what it makes is that user's.
type User struct {
	UID, GID uint32
	Groups   []uint32 // beside GID; at most 16
}

func (u *User) String() string { return fmt.Sprintf("%d:%d", u.UID, u.GID) }

// rights returns who the program runs as, and what it may use; nil limits are those of the machine.
func (c *Cmd) rights() (*kern.Cred, *kern.Limits, error) {
	cred := c.Machine.cred
	var err error
	if c.User != nil {
		if cred, err = c.Machine.credentials(c.User); err != nil {
			return nil, nil, fmt.Errorf("toaster: %w", err)
		}
	}
	limits, err := c.limits()
	return cred, limits, err
}

// mostOf is what setrlimit(2) cuts limits to (dosetrlimit); what is 0 it does not cut.
var mostOf = [netbsd.RLIM_NLIMITS]uint64{netbsd.RLIMIT_DATA: netbsd.MAXDSIZ, netbsd.RLIMIT_STACK: netbsd.MAXSSIZ, netbsd.RLIMIT_NOFILE: file.MaxOpenFiles}

// limits returns init's limits with c.Rlimits in their place; nil if there are none.
func (c *Cmd) limits() (*kern.Limits, error) {
	if len(c.Rlimits) == 0 {
		return nil, nil
	}
	l := new(kern.Limits)
	for which := range l {
		l[which], _ = c.Machine.Kern().Init().Rlimit(which)
	}
	for which, r := range c.Rlimits {
		if which < 0 || which >= netbsd.RLIM_NLIMITS || r.Cur > r.Max {
			return nil, fmt.Errorf("toaster: resource limit %d of %d, %d at most: %w", which, r.Cur, r.Max, netbsd.EINVAL)
		}
		most := mostOf[which]
		if most == 0 {
			most = netbsd.RLIM_INFINITY
		}
		l[which] = kern.Rlimit{Cur: min(r.Cur, most), Max: min(r.Max, most)}
	}
	return l, nil
}

// credentials returns those that programs of the machine begin with. Only a user that
// the host lets this process be for a while can be asked for.
func (m *Machine) credentials(u *User) (*kern.Cred, error) {
	own := m.sys.FS.HostCred()
	if u == nil {
		return own, nil
	}
	if len(u.Groups) > netbsd.NGROUPS_MAX {
		return nil, fmt.Errorf("user %v: %d groups; NetBSD has %d at most", u, len(u.Groups), netbsd.NGROUPS_MAX)
	}
	if u.UID == own.EUID && u.GID == own.EGID && len(u.Groups) == 0 {
		return own, nil
	}
	c := kern.UserCred(u.UID, u.GID, u.Groups...)
	switch {
	case m.sys.FS.CanBe(c):
		return c, nil
	case os.Geteuid() != 0:
		return nil, fmt.Errorf("user %v: this process is user %d:%d and can be nobody else; give it a root of its own (--root without --no-owners), run it as root, or leave the user out", u, own.EUID, own.EGID)
	}
	return nil, fmt.Errorf("user %v: root cannot become it here; that takes CAP_SETUID and CAP_SETGID, and ids that this user namespace has", u)
}
