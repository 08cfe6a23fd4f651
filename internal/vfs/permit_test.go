package vfs

import (
	"testing"

	"toaster/kern"
	"toaster/netbsd"
)

var (
	wheel = kern.Root
	alice = kern.UserCred(1001, 1001, 20)
	bob   = kern.UserCred(1002, 1002, 5)
)

func regular(uid, gid, mode uint32) attrs {
	return attrs{mode: netbsd.S_IFREG | mode, uid: uid, gid: gid}
}
func directory(uid, gid, mode uint32) attrs {
	return attrs{mode: netbsd.S_IFDIR | mode, uid: uid, gid: gid}
}

// TestCanAccess follows genfs_can_access (sys/miscfs/genfs/genfs_vnops.c), and
// secmodel_suser_vnode_cb for root.
func TestCanAccess(t *testing.T) {
	for _, c := range []struct {
		name string
		cred *kern.Cred
		a    attrs
		want uint32
		err  netbsd.Errno
	}{
		{"owner by the owner's bits", alice, regular(1001, 0, 0o400), mayRead, 0},
		{"owner is not helped by the group's bits", alice, regular(1001, 1001, 0o070), mayRead, netbsd.EACCES},
		{"owner is not helped by the others' bits", alice, regular(1001, 0, 0o007), mayWrite, netbsd.EACCES},
		{"effective group", alice, regular(0, 1001, 0o040), mayRead, 0},
		{"supplementary group", alice, regular(0, 20, 0o020), mayWrite, 0},
		{"member is not helped by the others' bits", alice, regular(0, 20, 0o007), mayRead, netbsd.EACCES},
		{"others", alice, regular(0, 0, 0o004), mayRead, 0},
		{"others are not helped by the group's bits", alice, regular(0, 0, 0o770), mayRead, netbsd.EACCES},
		{"all that is asked for, or nothing", alice, regular(1001, 0, 0o400), mayRead | mayWrite, netbsd.EACCES},
		{"nothing asked for", alice, regular(0, 0, 0), 0, 0},
		{"the real user does not count", &kern.Cred{RUID: 1001, EUID: 1002}, regular(1001, 0, 0o600), mayRead, netbsd.EACCES},
		{"search", alice, directory(0, 0, 0o711), mayExec, 0},
		{"no search", alice, directory(0, 0, 0o700), mayExec, netbsd.EACCES},
		{"root reads and writes all", wheel, regular(1001, 0, 0), mayRead | mayWrite, 0},
		{"root executes what somebody may", wheel, regular(1001, 0, 0o010), mayExec, 0},
		{"root does not execute what nobody may", wheel, regular(1001, 0, 0o666), mayExec, netbsd.EACCES},
		{"root searches", wheel, directory(1001, 0, 0), mayExec, 0},
		{"root by its effective id", &kern.Cred{RUID: 1001}, regular(1002, 0, 0), mayRead, 0},
	} {
		if got := canAccess(c.cred, c.a, c.want); got != c.err {
			t.Errorf("%s: %s, want %s", c.name, got.Name(), c.err.Name())
		}
	}
}

// TestOwnerRules follows genfs_can_sticky, _chmod, _chown, _chtimes and _chflags.
func TestOwnerRules(t *testing.T) {
	sticky := func(uid uint32) attrs { return directory(uid, 0, 0o1777) }
	for _, c := range []struct {
		name string
		got  netbsd.Errno
		want netbsd.Errno
	}{
		{"sticky: owner of the file", canSticky(alice, sticky(0), regular(1001, 0, 0)), 0},
		{"sticky: owner of the directory", canSticky(alice, sticky(1001), regular(0, 0, 0)), 0},
		{"sticky: another", canSticky(bob, sticky(0), regular(1001, 0, 0o777)), netbsd.EPERM},
		{"sticky: root", canSticky(wheel, sticky(1001), regular(1002, 0, 0)), 0},
		{"not sticky", canSticky(bob, directory(0, 0, 0o777), regular(1001, 0, 0)), 0},

		{"chmod: owner", canChmod(alice, regular(1001, 0, 0), 0o4755), 0},
		{"chmod: another", canChmod(bob, regular(1001, 1002, 0o777), 0o600), netbsd.EPERM},
		{"chmod: sticky file", canChmod(alice, regular(1001, 0, 0), 0o1644), netbsd.EFTYPE},
		{"chmod: sticky directory", canChmod(alice, directory(1001, 0, 0), 0o1755), 0},
		{"chmod: set-group-id of a group of ours", canChmod(alice, regular(1001, 20, 0), 0o2755), 0},
		{"chmod: set-group-id of another", canChmod(alice, regular(1001, 0, 0), 0o2755), netbsd.EPERM},
		{"chmod: root", canChmod(wheel, regular(1001, 7, 0), 0o7777), 0},

		{"chown: give away", canChown(alice, regular(1001, 0, 0), 1002, -1), netbsd.EPERM},
		{"chown: to itself", canChown(alice, regular(1001, 0, 0), 1001, 0), 0},
		{"chown: nothing", canChown(alice, regular(1001, 0, 0), -1, -1), 0},
		{"chown: nothing, of another's", canChown(bob, regular(1001, 0, 0), -1, -1), netbsd.EPERM},
		{"chown: to a group of ours", canChown(alice, regular(1001, 0, 0), -1, 20), 0},
		{"chown: to the effective group", canChown(alice, regular(1001, 0, 0), -1, 1001), 0},
		{"chown: to a group of others", canChown(alice, regular(1001, 0, 0), -1, 5), netbsd.EPERM},
		{"chown: another's file to a group of ours", canChown(bob, regular(1001, 0, 0), -1, 5), netbsd.EPERM},
		{"chown: root", canChown(wheel, regular(1001, 0, 0), 7, 7), 0},

		{"utimes: owner, any time", canChtimes(alice, regular(1001, 0, 0), false), 0},
		{"utimes: writer, now", canChtimes(bob, regular(1001, 0, 0o602), true), 0},
		{"utimes: writer, any time", canChtimes(bob, regular(1001, 0, 0o602), false), netbsd.EPERM},
		{"utimes: reader, now", canChtimes(bob, regular(1001, 0, 0o604), true), netbsd.EACCES},
		{"utimes: root", canChtimes(wheel, regular(1001, 0, 0), false), 0},

		{"chflags: owner", canChflags(alice, regular(1001, 0, 0)), 0},
		{"chflags: another", canChflags(bob, regular(1001, 0, 0o777)), netbsd.EPERM},
		{"chflags: device", canChflags(alice, attrs{mode: netbsd.S_IFCHR, uid: 1001}), netbsd.EPERM},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, want %s", c.name, c.got.Name(), c.want.Name())
		}
	}
}

// TestCanUnlinkAndRename follows genfs_ufslike_remove_check_permitted and
// genfs_ufslike_rename_check_permitted (sys/miscfs/genfs/genfs_rename.c).
func TestCanUnlinkAndRename(t *testing.T) {
	open, shut, tmp := directory(0, 0, 0o777), directory(0, 0, 0o755), directory(0, 0, 0o1777)
	own, others, grows := regular(1001, 0, 0), regular(1002, 0, 0o777), regular(1001, 0, 0)
	grows.flags = netbsd.UF_APPEND
	for _, c := range []struct {
		name string
		got  netbsd.Errno
		want netbsd.Errno
	}{
		{"unlink where one may write", canUnlink(alice, open, others), 0},
		{"unlink where one may not", canUnlink(alice, shut, own), netbsd.EACCES},
		{"unlink of one's own in /tmp", canUnlink(alice, tmp, own), 0},
		{"unlink of another's in /tmp", canUnlink(alice, tmp, others), netbsd.EPERM},

		{"rename in a directory", canRename(alice, renaming{open, open, true, others, nil}), 0},
		{"rename out of where one may not write", canRename(alice, renaming{shut, open, false, own, nil}), netbsd.EACCES},
		{"rename to where one may not write", canRename(alice, renaming{open, shut, false, own, nil}), netbsd.EACCES},
		{"rename of a directory to another", canRename(alice, renaming{open, open, false, directory(1001, 0, 0o755), nil}), 0},
		{"rename of a directory that one may not write", canRename(alice, renaming{open, open, false, directory(1002, 0, 0o755), nil}), netbsd.EACCES},
		{"rename of such a directory within one", canRename(alice, renaming{open, open, true, directory(1002, 0, 0o755), nil}), 0},
		{"rename of another's in /tmp", canRename(alice, renaming{tmp, open, false, others, nil}), netbsd.EPERM},
		{"rename over another's in /tmp", canRename(alice, renaming{open, tmp, false, own, &others}), netbsd.EPERM},
		{"rename over one's own in /tmp", canRename(alice, renaming{open, tmp, false, own, &own}), 0},
		{"rename of another's in /tmp to where one may not write: ufs_can_delete", canRename(alice, renaming{tmp, shut, false, others, nil}), netbsd.EPERM},
		{"rename of what grows at its end to where one may not write", canRename(alice, renaming{open, shut, false, grows, nil}), netbsd.EACCES},
		{"rename of what grows at its end over a directory: do_sys_renameat", canRename(alice, renaming{open, open, true, grows, &shut}), netbsd.EISDIR},
		{"rename of a directory over another's file in /tmp: do_sys_renameat", canRename(alice, renaming{open, tmp, false, shut, &others}), netbsd.ENOTDIR},
		{"rename of what grows at its end", canRename(wheel, renaming{open, open, true, grows, nil}), netbsd.EPERM},
		{"rename over what grows at its end", canRename(wheel, renaming{open, open, true, own, &grows}), netbsd.EPERM},
		{"rename by root", canRename(wheel, renaming{tmp, shut, false, own, &others}), 0},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, want %s", c.name, c.got.Name(), c.want.Name())
		}
	}
}

// TestOpenRights follows vn_openchk (sys/kern/vfs_vnops.c).
func TestOpenRights(t *testing.T) {
	for flags, want := range map[int]uint32{
		netbsd.O_RDONLY:                  mayRead,
		netbsd.O_WRONLY:                  mayWrite,
		netbsd.O_RDWR:                    mayRead | mayWrite,
		netbsd.O_RDONLY | netbsd.O_TRUNC: mayRead | mayWrite,
		netbsd.O_WRONLY | netbsd.O_TRUNC: mayWrite,
	} {
		if got := openRights(flags); got != want {
			t.Errorf("flags %#x need %#o, want %#o", flags, got, want)
		}
	}
}

// TestNewMode follows ufs_makeinode (sys/ufs/ufs/ufs_vnops.c).
func TestNewMode(t *testing.T) {
	for _, c := range []struct {
		cred           *kern.Cred
		mode, gid, got uint32
	}{
		{alice, 0o6755, 0, 0o4755},
		{alice, 0o6755, 20, 0o6755},
		{wheel, 0o6755, 5, 0o6755},
	} {
		if got := newMode(c.cred, c.mode, c.gid); got != c.got {
			t.Errorf("user %d, mode %#o in a directory of group %d: %#o, want %#o", c.cred.EUID, c.mode, c.gid, got, c.got)
		}
	}
}

// TestBitRefused: what genfs_can_chmod refuses and Linux does not is asked of toaster's own user, too.
func TestBitRefused(t *testing.T) {
	for _, c := range []struct {
		who  *kern.Cred
		a    attrs
		mode uint32
		want bool
	}{
		{alice, regular(1001, 1001, 0o755), 0o755, false},
		{alice, regular(1001, 1001, 0o755), 0o1755, true},
		{alice, regular(1001, 1001, 0o755), 0o4755, false},
		{alice, regular(1001, 20, 0o755), 0o2755, false},
		{alice, regular(1001, 5, 0o755), 0o2755, true},
		{alice, directory(1001, 5, 0o755), 0o1755, false},
		{alice, directory(1001, 5, 0o755), 0o2755, true},
		{wheel, regular(1001, 5, 0o755), 0o3755, false},
	} {
		v := View{Dirs: &Dirs{tree: &Tree{user: &hostUser{cred: c.who}}}}
		if v.bitRefused(c.a, c.mode) != c.want {
			t.Errorf("user %d, %+v, %o: want %v", c.who.EUID, c.a, c.mode, c.want)
		}
		if errno := canChmod(c.who, c.a, c.mode); (errno != 0) != c.want {
			t.Errorf("user %d, %+v, %o: %v", c.who.EUID, c.a, c.mode, errno)
		}
	}
}
