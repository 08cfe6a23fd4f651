package toaster

import (
	"fmt"
	"os"

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
