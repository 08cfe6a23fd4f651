package kern

import (
	"slices"

	"toaster/netbsd"
)

// Cred is a set of credentials; it is immutable and shared.
//
// A call that changes ids installs another one, so whoever has taken a Cred under mu may read it afterwards
// without, Groups included, and judges by one set, never by half of an old and half of a new one.
type Cred struct {
	RUID, EUID, SUID uint32
	RGID, EGID, SGID uint32
	Groups           []uint32
}

// noID is -1 as a user or a group: no id, but "as it is", for every call that sets one (do_setresuid, do_setresgid).
const noID = ^uint32(0)

// Root is the superuser with group 0 (wheel). All machines of a program share it.
var Root = &Cred{}

// UserCred returns credentials whose ids are all uid and gid.
func UserCred(uid, gid uint32, groups ...uint32) *Cred {
	return &Cred{uid, uid, uid, gid, gid, gid, slices.Clone(groups)}
}

// IsRoot reports whether the effective user is 0 (suser).
func (c *Cred) IsRoot() bool { return c.EUID == 0 }

// InGroup reports whether gid is the effective group or one of the others.
func (c *Cred) InGroup(gid uint32) bool {
	return c.EGID == gid || slices.Contains(c.Groups, gid)
}

// Cred returns p's credentials.
func (p *Proc) Cred() *Cred {
	p.m.lock()
	defer p.m.unlock()
	return p.cred
}

// MayWatch reports whether p may ask for events of t (KAUTH_PROCESS_KEVENT_FILTER): root,
// and the same real user unless t has changed its identity. Where t is not found any more
// anybody may ask: AttachKnote says that it is gone, as filt_procattach does before it looks at
// rights. Of an embryo only its maker asks, for NOTE_TRACK.
func (p *Proc) MayWatch(t *Proc) bool {
	p.m.lock()
	defer p.m.unlock()
	return !t.alive() && t.state != StateEmbryo || p.cred.IsRoot() || p.cred.RUID == t.cred.RUID && t.flags&fSugid == 0
}

// setCredLocked installs c and moves the process's count to c's real uid (item
// 94), and that of its LWPs. sugid marks the process as one that changed its identity (P_SUGID).
//
// The old set is not changed: others share it, and those who hold it go on by what they were.
// mu is held.
func (p *Proc) setCredLocked(c *Cred, sugid bool) {
	if c.RUID != p.cred.RUID {
		p.m.chgproccnt(p.cred.RUID, -1)
		p.m.chgproccnt(c.RUID, 1)
		p.m.chglwpcnt(p.cred.RUID, -p.furtherLWPs())
		p.m.chglwpcnt(c.RUID, p.furtherLWPs())
	}
	p.cred = c
	if sugid {
		p.flags |= fSugid
	}
}

// chgproccnt changes how many processes the real user uid has and returns the
// new number. mu is held.
func (m *Machine) chgproccnt(uid uint32, d int) int { return chgcnt(m.uids, uid, d) }

// chglwpcnt does so for the user's LWPs, without the first of each process. mu is held.
func (m *Machine) chglwpcnt(uid uint32, d int) int { return chgcnt(m.ulwps, uid, d) }

// A user without any leaves the map, or a guest that is root could grow it without bound with setuid(2).
func chgcnt(users map[uint32]int, uid uint32, d int) int {
	n := users[uid] + d
	if n == 0 {
		delete(users, uid)
	} else {
		users[uid] = n
	}
	return n
}

// furtherLWPs is how many LWPs of p count for its user: all that there are and that are being made, but for one. mu is
// held.
func (p *Proc) furtherLWPs() int {
	n := max(p.nlwps-1, 0)
	if p.ext != nil {
		n += p.ext.making
	}
	return int(n)
}

// changeCred runs f on a copy of the caller's credentials and installs it if f says
// 0. A copy equal to the original is not installed and sets no P_SUGID.
//
// Rights are judged by the old set and written to the new one in one hold of mu, or two LWPs that change ids at
// once could put together a set that neither of them was entitled to. f must not sleep.
func (l *LWP) changeCred(f func(old Cred, c *Cred) netbsd.Errno) netbsd.Errno {
	return l.call(func() netbsd.Errno {
		old := l.p.cred
		c := *old
		errno := f(*old, &c)
		if errno == 0 && !c.equal(old) {
			l.p.setCredLocked(&c, true)
		}
		return errno
	})
}

// changeID is changeCred for a call that sets one id.
func (l *LWP) changeID(id uint32, f func(old Cred, c *Cred) netbsd.Errno) netbsd.Errno {
	return l.changeCred(func(o Cred, c *Cred) netbsd.Errno {
		if id == noID {
			return 0
		}
		return f(o, c)
	})
}

// equal compares what decides about rights. The order of the groups counts, as getgroups(2) tells it.
func (c *Cred) equal(o *Cred) bool {
	return c.RUID == o.RUID && c.EUID == o.EUID && c.SUID == o.SUID &&
		c.RGID == o.RGID && c.EGID == o.EGID && c.SGID == o.SGID &&
		slices.Equal(c.Groups, o.Groups)
}

// Setuid is setuid(2): all three ids become uid. EPERM unless uid is the real
// user or the caller is root. The saved user does not count: a set-id program that has taken its real user for
// the effective one gets its privilege back by Seteuid, not by this call, which would make it last.
func (l *LWP) Setuid(uid uint32) netbsd.Errno {
	return l.changeID(uid, func(o Cred, c *Cred) netbsd.Errno {
		if !o.IsRoot() && uid != o.RUID {
			return netbsd.EPERM
		}
		c.RUID, c.EUID, c.SUID = uid, uid, uid
		return 0
	})
}

// Seteuid is seteuid(2): EPERM unless uid is the real or saved user or the
// caller is root.
func (l *LWP) Seteuid(uid uint32) netbsd.Errno {
	return l.changeID(uid, func(o Cred, c *Cred) netbsd.Errno {
		if !o.IsRoot() && uid != o.RUID && uid != o.SUID {
			return netbsd.EPERM
		}
		c.EUID = uid
		return 0
	})
}

// Setreuid is setreuid(2); -1 leaves an id alone. The saved id becomes the effective one if the real one
// changes, and stays otherwise (sys_setreuid). EPERM: the new real id is neither the real nor the effective one, or
// the new effective id none of the three, and the caller is not root.
func (l *LWP) Setreuid(r, e int64) netbsd.Errno {
	return l.changeCred(func(o Cred, c *Cred) netbsd.Errno {
		ok := func(id uint32) bool {
			return o.IsRoot() || id == o.RUID || id == o.EUID || id == o.SUID
		}
		if r != -1 && !(o.IsRoot() || uint32(r) == o.RUID || uint32(r) == o.EUID) {
			return netbsd.EPERM
		}
		if e != -1 && !ok(uint32(e)) {
			return netbsd.EPERM
		}
		if r != -1 {
			c.RUID = uint32(r)
		}
		if e != -1 {
			c.EUID = uint32(e)
		}
		if c.RUID != o.RUID {
			c.SUID = c.EUID
		}
		return 0
	})
}

// Setgid is setgid(2): EPERM unless gid is the real group or the caller is root, by its user and not its group.
func (l *LWP) Setgid(gid uint32) netbsd.Errno {
	return l.changeID(gid, func(o Cred, c *Cred) netbsd.Errno {
		if !o.IsRoot() && gid != o.RGID {
			return netbsd.EPERM
		}
		c.RGID, c.EGID, c.SGID = gid, gid, gid
		return 0
	})
}

// Setegid is setegid(2): EPERM unless gid is the real or saved group or the caller is root.
func (l *LWP) Setegid(gid uint32) netbsd.Errno {
	return l.changeID(gid, func(o Cred, c *Cred) netbsd.Errno {
		if !o.IsRoot() && gid != o.RGID && gid != o.SGID {
			return netbsd.EPERM
		}
		c.EGID = gid
		return 0
	})
}

// Setregid is setregid(2); -1 leaves an id alone. EPERM, and what becomes of the saved id: as for Setreuid.
func (l *LWP) Setregid(r, e int64) netbsd.Errno {
	return l.changeCred(func(o Cred, c *Cred) netbsd.Errno {
		if r != -1 && !(o.IsRoot() || uint32(r) == o.RGID || uint32(r) == o.EGID) {
			return netbsd.EPERM
		}
		if e != -1 && !(o.IsRoot() || uint32(e) == o.RGID || uint32(e) == o.EGID || uint32(e) == o.SGID) {
			return netbsd.EPERM
		}
		if r != -1 {
			c.RGID = uint32(r)
		}
		if e != -1 {
			c.EGID = uint32(e)
		}
		if c.RGID != o.RGID {
			c.SGID = c.EGID
		}
		return 0
	})
}

// Setgroups is setgroups(2): EPERM unless root, EINVAL for more than NGROUPS_MAX. The identity counts as changed
// even by the groups of before (kauth_proc_setgroups).
func (l *LWP) Setgroups(groups []uint32) netbsd.Errno {
	return l.changeCred(func(o Cred, c *Cred) netbsd.Errno {
		if !o.IsRoot() {
			return netbsd.EPERM
		}
		if len(groups) > netbsd.NGROUPS_MAX {
			return netbsd.EINVAL
		}
		c.Groups = slices.Clone(groups)
		l.p.flags |= fSugid
		return 0
	})
}

// Issetugid is issetugid(2): whether the process changed its identity or runs a
// set-id program. Only an exec takes that back (execCred): memory may hold what the old identity could read.
func (p *Proc) Issetugid() bool {
	p.m.lock()
	defer p.m.unlock()
	return p.flags&fSugid != 0
}

// Setlogin is __setlogin(2): names the session's user. EPERM unless root. The caller checks the length. The name
// is for people: no right follows from it.
func (l *LWP) Setlogin(name string) netbsd.Errno {
	return l.call(func() netbsd.Errno {
		if !l.p.cred.IsRoot() {
			return netbsd.EPERM
		}
		l.p.pgrp.sess.login = name
		return 0
	})
}

// Getlogin is __getlogin(2), the empty name if nobody has set one, or p is gone.
func (p *Proc) Getlogin() string {
	p.m.lock()
	defer p.m.unlock()
	if p.pgrp == nil {
		return ""
	}
	return p.pgrp.sess.login
}
