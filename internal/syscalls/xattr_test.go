package syscalls

import (
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"toaster/netbsd"
)

// listed wants these names, in any order, in the list that argument i points to; each is read by next.
func listed(i int, next func(b []byte) (name string, n int), names ...string) func(*result) string {
	return func(r *result) string {
		var got []string
		for b := r.mem(i, int(r.ret[0])); len(b) > 0; {
			name, n := next(b)
			got, b = append(got, name), b[n:]
		}
		if slices.Sort(got); !slices.Equal(got, names) {
			return "the list is wrong: " + string(r.mem(i, int(r.ret[0])))
		}
		return ""
	}
}

func prefixed(b []byte) (string, int)   { return string(b[1 : 1+b[0]]), 1 + int(b[0]) }
func terminated(b []byte) (string, int) { n := slices.Index(b, 0); return string(b[:n]), n + 1 }

// vfs_xattr.c: both faces, by name, by link and by descriptor.
func TestXattr(t *testing.T) {
	if err := syscall.Setxattr(t.TempDir(), "user.probe", nil, 0); err != nil {
		t.Skipf("the file system of temporary files has no attributes: %v", err)
	}
	const user, system = netbsd.EXTATTR_NAMESPACE_USER, netbsd.EXTATTR_NAMESPACE_SYSTEM
	long := string(filler(260))
	r := newRig(t)
	r.asHost = true
	if err := syscall.Mkfifo(filepath.Join(r.dir, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.run(func(p *player) {
		p.play([]row{
			{"open(2)", netbsd.SYS_open, args{"f", netbsd.O_RDWR | netbsd.O_CREAT, 0o644}, 0, 0, nil},
			{"symlink(2)", netbsd.SYS_symlink, args{"f", "s"}, 0, 0, nil},
			{"extattr_set_file(2): the length", netbsd.SYS_extattr_set_file, args{"f", user, "a", []byte("value"), 5}, 0, 5, nil},
			{"extattr_set_fd(2)", netbsd.SYS_extattr_set_fd, args{0, user, "bc", []byte("v"), 1}, 0, 1, nil},
			{"extattr_set_link(2): a link has none here", netbsd.SYS_extattr_set_link, args{"s", user, "a", []byte("v"), 1}, netbsd.EOPNOTSUPP, nil, nil},
			{"extattr_get_file(2): through a link", netbsd.SYS_extattr_get_file, args{"s", user, "a", room(6), 6}, 0, out{3, []byte("value\xa5")}, nil},
			{"extattr_get_vp: the size, without an address", netbsd.SYS_extattr_get_file, args{"f", user, "a", 0, 0}, 0, 5, nil},
			{"extattr_get_vp: no more than there is room for", netbsd.SYS_extattr_get_fd, args{0, user, "a", room(3), 2}, 0, out{3, []byte("va\xa5")}, nil},
			{"extattr_get_vp: EINVAL for more than INT_MAX", netbsd.SYS_extattr_get_fd, args{0, user, "a", room(3), 1 << 31}, netbsd.EINVAL, nil, nil},
			{"extattr_get_vp: EINVAL comes before ENOATTR", netbsd.SYS_extattr_get_file, args{"f", user, "x", room(3), 1 << 31}, netbsd.EINVAL, nil, nil},
			{"extattr_get_vp: without an address nobody looks at the size", netbsd.SYS_extattr_get_file, args{"f", user, "x", 0, 1 << 31}, netbsd.ENOATTR, nil, nil},
			{"getxattr(2): EINVAL comes before ENOATTR", netbsd.SYS_getxattr, args{"f", "user.x", room(3), 1 << 31}, netbsd.EINVAL, nil, nil},
			{"extattr_list_vp: EINVAL for more than INT_MAX", netbsd.SYS_listxattr, args{"f", room(3), 1 << 31}, netbsd.EINVAL, nil, nil},
			{"extattr_set_vp: EINVAL for more than INT_MAX", netbsd.SYS_extattr_set_fd, args{0, user, "a", room(3), 1 << 31}, netbsd.EINVAL, nil, nil},
			{"extattr_get_link(2): of a file", netbsd.SYS_extattr_get_link, args{"f", user, "a", room(6), 6}, 0, 5, nil},
			{"extattr_get_file(2): ENOATTR", netbsd.SYS_extattr_get_file, args{"f", user, "x", room(6), 6}, netbsd.ENOATTR, nil, nil},
			{"extattr_get_file(2): ENOENT", netbsd.SYS_extattr_get_file, args{"x", user, "a", room(6), 6}, netbsd.ENOENT, nil, nil},
			{"copyinstr: ENAMETOOLONG, whatever the path", netbsd.SYS_extattr_get_file, args{"x", user, long, room(6), 6}, netbsd.ENAMETOOLONG, nil, nil},
			{"copyinstr: EFAULT, whatever the path", netbsd.SYS_extattr_get_file, args{"x", user, bad, room(6), 6}, netbsd.EFAULT, nil, nil},
			{"extattr_get_fd(2): EBADF", netbsd.SYS_extattr_get_fd, args{9, user, "a", room(6), 6}, netbsd.EBADF, nil, nil},
			{"extattr_set_fd(2): EFAULT", netbsd.SYS_extattr_set_fd, args{0, user, "a", bad, 6}, netbsd.EFAULT, nil, nil},
			{"extattr_list_file(2)", netbsd.SYS_extattr_list_file, args{"f", user, room(64), 64}, 0, listed(2, prefixed, "a", "bc"), nil},
			{"extattr_list_fd(2): the size", netbsd.SYS_extattr_list_fd, args{0, user, 0, 0}, 0, 5, nil},
			{"extattr_list_link(2)", netbsd.SYS_extattr_list_link, args{"f", user, room(64), 64}, 0, listed(2, prefixed, "a", "bc"), nil},
			{"extattr_delete_file(2)", netbsd.SYS_extattr_delete_file, args{"f", user, "a"}, 0, 0, nil},
			{"extattr_delete_file(2): ENOATTR", netbsd.SYS_extattr_delete_file, args{"f", user, "a"}, netbsd.ENOATTR, nil, nil},
			{"extattr_delete_fd(2)", netbsd.SYS_extattr_delete_fd, args{0, user, "bc"}, 0, 0, nil},
			{"extattr_delete_link(2): a link has none here", netbsd.SYS_extattr_delete_link, args{"s", user, "a"}, netbsd.EOPNOTSUPP, nil, nil},
			{"extattr_list_fd(2): none", netbsd.SYS_extattr_list_fd, args{0, user, 0, 0}, 0, 0, nil},
			{"a FIFO has none", netbsd.SYS_extattr_list_file, args{"fifo", user, 0, 0}, netbsd.EOPNOTSUPP, nil, nil},
			{"a device has none", netbsd.SYS_extattr_list_file, args{"/dev/null", user, 0, 0}, netbsd.EOPNOTSUPP, nil, nil},
			{"pipe2(2)", netbsd.SYS_pipe2, args{room(8), 0}, 0, nil, nil},
			{"fd_getvnode: EINVAL for a pipe", netbsd.SYS_extattr_list_fd, args{1, user, 0, 0}, netbsd.EINVAL, nil, nil},
			{"extattrctl(2): EOPNOTSUPP", netbsd.SYS_extattrctl, args{"f", 1, 0, user, 0}, netbsd.EOPNOTSUPP, nil, nil},
			{"extattrctl(2): ENOENT", netbsd.SYS_extattrctl, args{"x", 1, 0, user, 0}, netbsd.ENOENT, nil, nil},
			{"sys_extattrctl: the name comes first", netbsd.SYS_extattrctl, args{"x", 1, 0, user, long}, netbsd.ENAMETOOLONG, nil, nil},
			{"sys_extattrctl: ENOENT for the other file", netbsd.SYS_extattrctl, args{"f", 1, "x", user, "a"}, netbsd.ENOENT, nil, nil},

			{"setxattr(2)", netbsd.SYS_setxattr, args{"s", "user.a", []byte("value"), 5, 0}, 0, 0, nil},
			{"setxattr(2): EEXIST with XATTR_CREATE", netbsd.SYS_setxattr, args{"f", "user.a", []byte("w"), 1, netbsd.XATTR_CREATE}, netbsd.EEXIST, nil, nil},
			{"setxattr(2): ENOATTR with XATTR_REPLACE", netbsd.SYS_fsetxattr, args{0, "user.b", []byte("w"), 1, netbsd.XATTR_REPLACE}, netbsd.ENOATTR, nil, nil},
			{"fsetxattr(2)", netbsd.SYS_fsetxattr, args{0, "b", []byte("w"), 1, netbsd.XATTR_CREATE}, 0, 0, nil},
			{"lsetxattr(2): XATTR_ERRNO", netbsd.SYS_lsetxattr, args{"s", "user.a", []byte("w"), 1, 0}, netbsd.ENOTSUP, nil, nil},
			{"getxattr(2)", netbsd.SYS_getxattr, args{"s", "user.a", room(6), 6}, 0, out{2, []byte("value\xa5")}, nil},
			{"fgetxattr(2)", netbsd.SYS_fgetxattr, args{0, "user.a", 0, 0}, 0, 5, nil},
			{"lgetxattr(2): ENOATTR", netbsd.SYS_lgetxattr, args{"f", "user.x", 0, 0}, netbsd.ENOATTR, nil, nil},
			{"xattr_native: names are the same on both faces", netbsd.SYS_extattr_get_file, args{"f", user, "user.a", 0, 0}, 0, 5, nil},
			{"listxattr(2)", netbsd.SYS_listxattr, args{"f", room(64), 64}, 0, listed(1, terminated, "b", "user.a"), nil},
			{"llistxattr(2): XATTR_ERRNO", netbsd.SYS_llistxattr, args{"s", room(64), 64}, netbsd.ENOTSUP, nil, nil},
			{"flistxattr(2): the size", netbsd.SYS_flistxattr, args{0, 0, 0}, 0, 9, nil},
			{"removexattr(2)", netbsd.SYS_removexattr, args{"f", "user.a"}, 0, 0, nil},
			{"fremovexattr(2)", netbsd.SYS_fremovexattr, args{0, "b"}, 0, 0, nil},
			{"lremovexattr(2): ENOATTR", netbsd.SYS_lremovexattr, args{"f", "b"}, netbsd.ENOATTR, nil, nil},
			{"flistxattr(2): none", netbsd.SYS_flistxattr, args{0, 0, 0}, 0, 0, nil},
		})
	})
	stages(t, map[string][]row{"the superuser": {
		{"extattr_list_file(2): none of the system's", netbsd.SYS_extattr_list_file, args{".", system, 0, 0}, netbsd.EOPNOTSUPP, nil, nil},
		{"seteuid(2)", netbsd.SYS_seteuid, args{100}, 0, nil, nil},
		{"extattr_check_cred: EPERM for any other", netbsd.SYS_extattr_list_file, args{".", system, 0, 0}, netbsd.EPERM, nil, nil},
		{"xattr_native: so by name", netbsd.SYS_getxattr, args{".", "security.x", 0, 0}, netbsd.EPERM, nil, nil},
	}})
}
