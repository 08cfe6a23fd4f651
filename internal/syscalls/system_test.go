package syscalls

import (
	"bytes"
	"fmt"
	"testing"

	"toaster/netbsd"
)

// random wants n random bytes in the room of the first argument, and no more: 16 bytes that are still 0xa5 are none.
func random(room, n int) func(*result) string {
	return func(r *result) string {
		b := r.mem(0, room)
		untouched := bytes.Repeat([]byte{0xa5}, room-n)
		if r.ret[0] != uint64(n) || !bytes.Equal(b[n:], untouched) || bytes.Contains(b[:n], untouched[:16]) || bytes.Contains(b[:n], make([]byte, 16)) {
			return fmt.Sprintf("%d, %x", r.ret[0], b[:min(room, 64)])
		}
		return ""
	}
}

// before is an address so many bytes before memory ends.
func before(n uint64) func(*player) uint64 {
	return func(p *player) uint64 {
		at := p.mem.put(make([]byte, 2*pageSize))
		for p.mem.Read(at, make([]byte, 1)) == 0 {
			at = at&^(pageSize-1) + pageSize
		}
		return at - n
	}
}

func TestSystem(t *testing.T) {
	stages(t, map[string][]row{
		"uuidgen": {
			{"sys_uuidgen: EINVAL for none", netbsd.SYS_uuidgen, args{room(16), 0}, netbsd.EINVAL, nil, nil},
			{"sys_uuidgen: EINVAL for more than 2048", netbsd.SYS_uuidgen, args{room(16), 2049}, netbsd.EINVAL, nil, nil},
			{"sys_uuidgen: EFAULT", netbsd.SYS_uuidgen, args{bad, 1}, netbsd.EFAULT, nil, nil},
			{"RFC 4122: version 4 and the variant, and no two alike", netbsd.SYS_uuidgen, args{room(32), 2}, 0, func(r *result) string {
				b := r.mem(0, 32)
				for _, u := range [][]byte{b[:16], b[16:]} {
					if le.Uint16(u[6:])>>12 != 4 || u[8]>>6 != 2 {
						return fmt.Sprintf("%x", u)
					}
				}
				if string(b[:16]) == string(b[16:]) {
					return "the same twice"
				}
				return ""
			}, nil},
		},
		"getrandom": {
			{"sys_getrandom: EINVAL for flags", netbsd.SYS_getrandom, args{room(8), 8, 8}, netbsd.EINVAL, nil, nil},
			{"sys_getrandom: EINVAL for a nonsensical combination", netbsd.SYS_getrandom, args{room(8), 8, netbsd.GRND_RANDOM | netbsd.GRND_INSECURE}, netbsd.EINVAL, nil, nil},
			{"sys_getrandom: EFAULT", netbsd.SYS_getrandom, args{bad, 8, 0}, netbsd.EFAULT, nil, nil},
			{"sys_getrandom: nothing for nothing", netbsd.SYS_getrandom, args{bad, 0, 0}, 0, 0, nil},
			{"dogetrandom: 512 bytes at a time, as far as there is memory", netbsd.SYS_getrandom, args{before(600), 5000, 0}, 0, 512, nil},
			{"dogetrandom: so many or fewer at once", netbsd.SYS_getrandom, args{before(100), 512, 0}, netbsd.EFAULT, nil, nil},
			{"getrandom(2): all of it", netbsd.SYS_getrandom, args{room(64), 48, 0}, 0, random(64, 48), nil},
			{"getrandom(2): GRND_NONBLOCK", netbsd.SYS_getrandom, args{room(64), 48, netbsd.GRND_NONBLOCK}, 0, random(64, 48), nil},
			{"getrandom(2): GRND_INSECURE", netbsd.SYS_getrandom, args{room(64), 48, netbsd.GRND_INSECURE | netbsd.GRND_NONBLOCK}, 0, random(64, 48), nil},
			{"dogetrandom: GRND_RANDOM returns ENTROPY_CAPACITY at most", netbsd.SYS_getrandom, args{room(64), 48, netbsd.GRND_RANDOM}, 0, random(64, 32), nil},
			{"getrandom(2): more than a piece", netbsd.SYS_getrandom, args{room(2*ioChunk + 64), 2*ioChunk + 48, 0}, 0, random(2*ioChunk+64, 2*ioChunk+48), nil},
		},
		"sysctl of who is not the superuser": {
			{"setuid(2)", netbsd.SYS_setuid, args{5}, 0, nil, nil},
			{"sysctl_lookup: EPERM for CTLFLAG_PRIVATE", netbsd.SYS___sysctl, args{words(1, 86, ctlCreateBase+4), 3, room(4), longs(4), 0, 0}, netbsd.EPERM, nil, nil},
			{"EPERM for a new value", netbsd.SYS___sysctl, args{words(1, 86, ctlCreateBase+3), 3, 0, 0, words(1), 4}, netbsd.EPERM, nil, nil},
			{"sysctl_kern_uidinfo_cnt: one process of the user", netbsd.SYS___sysctl, args{words(1, ctlCreateBase+19, ctlCreateBase), 3, room(8), longs(8), 0, 0}, 0, out{2, longs(1)}, nil},
			{"sysctl_kern_uidinfo_cnt: with one LWP", netbsd.SYS___sysctl, args{words(1, ctlCreateBase+19, ctlCreateBase+1), 3, room(8), longs(8), 0, 0}, 0, out{2, longs(0)}, nil},
			{"open(2)", netbsd.SYS_open, args{".", netbsd.O_RDONLY, 0}, 0, 0, nil},
			{"flock(2)", netbsd.SYS_flock, args{0, netbsd.LOCK_SH}, 0, 0, nil},
			{"sysctl_kern_uidinfo_cnt: its locks", netbsd.SYS___sysctl, args{words(1, ctlCreateBase+19, ctlCreateBase+2), 3, room(8), longs(8), 0, 0}, 0, out{2, longs(1)}, nil},
		},
		"sysctl": {
			{"sysctl(3): EFAULT for the name", netbsd.SYS___sysctl, args{bad, 2, 0, 0, 0, 0}, netbsd.EFAULT, nil, nil},
			{"sysctl(3): EINVAL for a name that is too long", netbsd.SYS___sysctl, args{words(1, 1), 99, 0, 0, 0, 0}, netbsd.EINVAL, nil, nil},
			{"sysctl(3): ENOENT", netbsd.SYS___sysctl, args{words(1, 9999), 2, room(9), longs(9), 0, 0}, netbsd.ENOENT, nil, nil},
			{"secmodel_securelevel: security.models.bsd44.securelevel", netbsd.SYS___sysctl, args{words(netbsd.CTL_SECURITY, ctlCreateBase+1, ctlCreateBase+1, ctlCreateBase+2), 4, room(4), longs(4), 0, 0}, 0, out{2, words(1<<32 - 1)}, nil},
			{"secmodel_securelevel: security.models.securelevel.securelevel", netbsd.SYS___sysctl, args{words(netbsd.CTL_SECURITY, ctlCreateBase+1, ctlCreateBase+2, ctlCreateBase+1), 4, room(4), longs(4), 0, 0}, 0, out{2, words(1<<32 - 1)}, nil},
			{"entropy_init: kern.entropy.needed", netbsd.SYS___sysctl, args{words(1, 86, ctlCreateBase+4), 3, room(4), longs(4), 0, 0}, 0, out{2, words(0)}, nil},
			{"entropy_init: kern.entropy.collection is a bool", netbsd.SYS___sysctl, args{words(1, 86, ctlCreateBase), 3, room(1), longs(1), 0, 0}, 0, out{2, []byte{1}}, nil},
			{"sysctl_entropy_gather: a trigger", netbsd.SYS___sysctl, args{words(1, 86, ctlCreateBase+3), 3, 0, 0, words(1), 4}, 0, nil, nil},
			{"sysctl_lookup: EINVAL for another size", netbsd.SYS___sysctl, args{words(1, 86, ctlCreateBase+3), 3, 0, 0, words(1, 1), 8}, netbsd.EINVAL, nil, nil},
			{"sysctl_kern_setup: kern.coredump.setid.mode", netbsd.SYS___sysctl, args{words(1, ctlCreateBase+17, ctlCreateBase, ctlCreateBase+4), 4, room(4), longs(4), 0, 0}, 0, out{2, words(0o600)}, nil},
			{"sysctl_kern_setup: kern.posix.semmax", netbsd.SYS___sysctl, args{words(1, ctlCreateBase+18, ctlCreateBase), 3, room(4), longs(4), 0, 0}, 0, out{2, words(netbsd.KSEM_MAX)}, nil},
			{"sysctl_kern_ntptime: struct ntptimeval", netbsd.SYS___sysctl, args{words(1, netbsd.KERN_NTPTIME), 2, 0, longs(0), 0, 0}, 0, out{3, longs(48)}, nil},
			{"vfs_magiclinks", netbsd.SYS___sysctl, args{words(netbsd.CTL_VFS, 0, 4), 3, room(4), longs(4), 0, 0}, 0, out{2, words(0)}, nil},
			{"sysctl_rtable: EINVAL for a name that is not whole", netbsd.SYS___sysctl, args{words(netbsd.CTL_NET, netbsd.AF_ROUTE, 0, 0), 4, room(9), longs(9), 0, 0}, netbsd.EINVAL, nil, nil},
			{"sysctl_rtable: EINVAL for no table", netbsd.SYS___sysctl, args{words(netbsd.CTL_NET, netbsd.AF_ROUTE, 0, 0, 99, 0), 6, room(9), longs(9), 0, 0}, netbsd.EINVAL, nil, nil},
			{"sysctl_rtable: NET_RT_DUMP without a network", netbsd.SYS___sysctl, args{words(netbsd.CTL_NET, netbsd.AF_ROUTE, 0, 0, netbsd.NET_RT_DUMP, 0), 6, room(9), longs(9), 0, 0}, 0, out{3, longs(0)}, nil},
			{"sysctl_rtable: NET_RT_IFLIST without a network", netbsd.SYS___sysctl, args{words(netbsd.CTL_NET, netbsd.AF_ROUTE, 0, 0, netbsd.NET_RT_IFLIST, 0), 6, room(9), longs(9), 0, 0}, 0, out{3, longs(0)}, nil},
			{"sysctl_rtable: EINVAL for a name that goes on", netbsd.SYS___sysctl, args{words(netbsd.CTL_NET, netbsd.AF_ROUTE, 0, 0, netbsd.NET_RT_DUMP, 0, 0), 7, room(9), longs(9), 0, 0}, netbsd.EINVAL, nil, nil},
			{"sysctl_rtable: EPERM for a new value", netbsd.SYS___sysctl, args{words(netbsd.CTL_NET, netbsd.AF_ROUTE, 0, 0, netbsd.NET_RT_DUMP, 0), 6, 0, longs(0), longs(0), 8}, netbsd.EPERM, nil, nil},
			{"sysctl_net_route_setup: net.route.stats is struct rtstat", netbsd.SYS___sysctl, args{words(netbsd.CTL_NET, netbsd.AF_ROUTE, ctlCreateBase), 3, 0, longs(0), 0, 0}, 0, out{3, longs(40)}, nil},
			{"sysctl_lookup: EINVAL for what has no value", netbsd.SYS___sysctl, args{words(1), 1, room(9), longs(9), 0, 0}, netbsd.EINVAL, nil, nil},
			{"sysctl(3): kern.ostype", netbsd.SYS___sysctl, args{words(1, 1), 2, room(9), longs(9), 0, 0}, 0, out{2, []byte("NetBSD\x00\xa5")}, nil},
			{"kern.osrevision is that of kern.osrelease: __NetBSD_Version__ of sys/param.h", netbsd.SYS___sysctl, args{words(netbsd.CTL_KERN, netbsd.KERN_OSREV), 2, room(4), longs(4), 0, 0}, 0, out{2, words(1100000000)}, nil},
			{"sysctl(3): its length", netbsd.SYS___sysctl, args{words(1, 1), 2, 0, longs(0), 0, 0}, 0, out{3, longs(7)}, nil},
			{"sysctl(3): ENOMEM for too little room", netbsd.SYS___sysctl, args{words(1, 1), 2, room(9), longs(3), 0, 0}, netbsd.ENOMEM, nil, nil},
			{"sysctl(3): EFAULT for the value", netbsd.SYS___sysctl, args{words(1, 1), 2, bad, longs(9), 0, 0}, netbsd.EFAULT, nil, nil},
			{"sysctl(3): EFAULT for the length", netbsd.SYS___sysctl, args{words(1, 1), 2, room(9), bad, 0, 0}, netbsd.EFAULT, nil, nil},
			{"sysctl(3): EPERM to change it", netbsd.SYS___sysctl, args{words(1, 1), 2, 0, 0, []byte("x"), 1}, netbsd.EPERM, nil, nil},
			{"sysctl(3): kern.hostname", netbsd.SYS___sysctl, args{words(1, 10), 2, room(9), longs(9), 0, 0}, 0, out{2, []byte("rig\x00")}, nil},
			{"sysctl_aio_init: kern.posix_aio", netbsd.SYS___sysctl, args{words(netbsd.CTL_KERN, ctlCreateBase+12), 2, room(4), longs(4), 0, 0}, 0, out{2, words(200112)}, nil},
			{"sysctl_aio_init: kern.aio_listio_max", netbsd.SYS___sysctl, args{words(netbsd.CTL_KERN, ctlCreateBase+13), 2, room(4), longs(4), 0, 0}, 0, out{2, words(512)}, nil},
			{"sysctl_aio_init: kern.aio_max", netbsd.SYS___sysctl, args{words(netbsd.CTL_KERN, ctlCreateBase+14), 2, room(4), longs(4), 0, 0}, 0, out{2, words(512 * 16)}, nil},
			{"lwp_maxlwp: MAXLWP, where memory is small", netbsd.SYS___sysctl, args{words(netbsd.CTL_KERN, ctlCreateBase+15), 2, room(4), longs(4), 0, 0}, 0, out{2, words(4096)}, nil},
			{"sysctl_kern_maxlwp: EINVAL below 0", netbsd.SYS___sysctl, args{words(netbsd.CTL_KERN, ctlCreateBase+15), 2, 0, 0, words(1 << 31), 4}, netbsd.EINVAL, nil, nil},
			{"sysctl_kern_maxlwp: EINVAL above lwp_maxlwp", netbsd.SYS___sysctl, args{words(netbsd.CTL_KERN, ctlCreateBase+15), 2, 0, 0, words(4097), 4}, netbsd.EINVAL, nil, nil},
			{"sysctl_lookup: EINVAL for a size", netbsd.SYS___sysctl, args{words(netbsd.CTL_KERN, ctlCreateBase+15), 2, 0, 0, words(1, 0), 8}, netbsd.EINVAL, nil, nil},
			{"kern.maxlwp", netbsd.SYS___sysctl, args{words(netbsd.CTL_KERN, ctlCreateBase+15), 2, 0, 0, words(2000), 4}, 0, nil, nil},
			{"dosetrlimit cuts to it", netbsd.SYS_setrlimit, args{netbsd.RLIMIT_NTHR, longs(1999, 2001)}, 0, nil, nil},
			{"getrlimit(2)", netbsd.SYS_getrlimit, args{netbsd.RLIMIT_NTHR, room(16)}, 0, out{1, longs(1999, 2000)}, nil},
			{"sysctl_aio_init: EPERM to change kern.posix_aio", netbsd.SYS___sysctl, args{words(netbsd.CTL_KERN, ctlCreateBase+12), 2, 0, 0, words(1), 4}, netbsd.EPERM, nil, nil},
			{"sysctl(3): hw.physmem64", netbsd.SYS___sysctl, args{words(6, netbsd.HW_PHYSMEM64), 2, room(8), longs(8), 0, 0}, 0, out{2, longs(1 << 30)}, nil},
		},
	})
}

// sysctlbyname(3) without room, as who asks whether there is a node calls it, is EINVAL in NetBSD, too, for these: sysctl_doeproc
// (kern.proc2), sysctl_kern_file2 and sysctl_rtable (net.route.rtable) look at how many names follow before they
// look at oldp, and want four, four and three; kern.tty has no function of its own, and sysctl_lookup has no value
// for a node.
func TestSysctlOfNodesThatWantMore(t *testing.T) {
	newRig(t).run(func(p *player) {
		tty := sysctlRoot.child(nil, netbsd.CTL_KERN).named("tty")
		for name, num := range map[string][]int32{
			"kern.proc2": {netbsd.CTL_KERN, netbsd.KERN_PROC2}, "kern.file2": {netbsd.CTL_KERN, netbsd.KERN_FILE2},
			"net.route.rtable": {netbsd.CTL_NET, netbsd.AF_ROUTE, 0}, "kern.tty": {netbsd.CTL_KERN, tty.num},
		} {
			if r := p.do(netbsd.SYS___sysctl, mib(num...), len(num), 0, longs(0), 0, 0); r.errno != netbsd.EINVAL {
				t.Errorf("%s: %s", name, errnoName(r.errno))
			}
		}
		if r := p.do(netbsd.SYS___sysctl, mib(netbsd.CTL_KERN, tty.num, tty.named("qsize").num), 3, room(4), longs(4), 0, 0); r.errno != 0 || le.Uint32(r.mem(2, 4)) != 1024 {
			t.Errorf("kern.tty.qsize: %s", errnoName(r.errno))
		}
	})
}

// named returns the child of that name; a test fails without one.
func (n *sysctlNode) named(name string) *sysctlNode {
	below := n.nodes(nil)
	for i := range below {
		if below[i].name == name {
			return &below[i]
		}
	}
	panic("there is no " + name)
}

// security(7) and sysctl_security_pax_setup of kern_pax.c: what there is, as GENERIC for amd64 is configured
// (PAX_MPROTECT and PAX_ASLR 1, PAX_SEGVGUARD 0), and what the superuser may change.
func TestSysctlPax(t *testing.T) {
	newRig(t).run(func(p *player) {
		pax := sysctlRoot.child(nil, netbsd.CTL_SECURITY).named("pax")
		ask := func(family, name string, set any, size int) (uint32, netbsd.Errno) {
			f := pax.named(family)
			r := p.do(netbsd.SYS___sysctl, mib(netbsd.CTL_SECURITY, pax.num, f.num, f.named(name).num), 4, room(4), longs(4), set, size)
			return le.Uint32(r.mem(2, 4)), r.errno
		}
		for _, c := range []struct {
			family, name string
			value        uint32
			fixed        bool
		}{
			{"mprotect", "enabled", 1, false}, {"mprotect", "global", 1, false}, {"mprotect", "ptrace", 1, false},
			{"segvguard", "enabled", 1, false}, {"segvguard", "global", 0, false}, {"segvguard", "expiry_timeout", 120, false},
			{"segvguard", "suspend_timeout", 600, false}, {"segvguard", "max_crashes", 5, false},
			{"aslr", "enabled", 1, false}, {"aslr", "global", 1, false},
			{"aslr", "mmap_len", 32, true}, {"aslr", "stack_len", 32, true}, {"aslr", "exec_len", 32, true},
		} {
			name := c.family + "." + c.name
			if v, errno := ask(c.family, c.name, 0, 0); v != c.value || errno != 0 {
				t.Errorf("%s is %d, %v", name, v, errno)
			}
			want := netbsd.Errno(0)
			if c.fixed {
				want = netbsd.EPERM
			}
			if _, errno := ask(c.family, c.name, words(9), 4); errno != want {
				t.Errorf("%s = 9: %v", name, errno)
			}
			if v, _ := ask(c.family, c.name, 0, 0); !c.fixed && v != 9 {
				t.Errorf("%s is %d", name, v)
			}
		}
		if _, errno := ask("mprotect", "enabled", words(1, 1), 8); errno != netbsd.EINVAL {
			t.Errorf("8 bytes: %v", errno)
		}
		p.c.L.Setuid(7)
		if _, errno := ask("mprotect", "enabled", words(0), 4); errno != netbsd.EPERM {
			t.Errorf("as uid 7: %v", errno)
		}
	})
}

// pax_mprotect_elf_flags_active.
func TestWhomPaxMprotectHoldsFor(t *testing.T) {
	for _, c := range []struct {
		enabled, global         int32
		plain, wanted, unwanted bool
	}{
		{1, 1, true, true, false},
		{1, 0, false, true, false},
		{0, 1, false, false, false},
		{0, 0, false, false, false},
	} {
		var p Pax
		p.mprotect.changed.Store(&c.enabled)
		p.global.changed.Store(&c.global)
		if got := [...]bool{p.Mprotect(false, false), p.Mprotect(true, false), p.Mprotect(false, true)}; got != [...]bool{c.plain, c.wanted, c.unwanted} {
			t.Errorf("enabled %d, global %d: %v", c.enabled, c.global, got)
		}
	}
	if p := new(Pax); !p.Mprotect(false, false) || p.Mprotect(false, true) || !p.Ptrace() {
		t.Error("not so at first")
	}
}

// What a process was started with is told by kern.proc_args, its environment not to
// everybody (sysctl(7)).
func TestProcArgs(t *testing.T) {
	name := func(pid, what uint32) []byte { return words(1, 48, pid, what) }
	const me = 1<<32 - 1 // -1
	newRig(t).run(func(p *player) {
		SetProcArgs(p.c.L.Proc(), &ProcArgs{Path: "/bin/prog", Argv: []string{"prog", "arg"}, Envp: []string{"A=b"}})
		p.play([]row{
			{"KERN_PROC_ARGV", netbsd.SYS___sysctl, args{name(me, 1), 4, room(32), longs(32), 0, 0}, 0, out{2, []byte("prog\x00arg\x00\xa5")}, nil},
			{"KERN_PROC_NARGV", netbsd.SYS___sysctl, args{name(me, 2), 4, room(4), longs(4), 0, 0}, 0, out{2, words(2)}, nil},
			{"KERN_PROC_ENV", netbsd.SYS___sysctl, args{name(me, 3), 4, room(32), longs(32), 0, 0}, 0, out{2, []byte("A=b\x00\xa5")}, nil},
			{"KERN_PROC_NENV", netbsd.SYS___sysctl, args{name(me, 4), 4, room(4), longs(4), 0, 0}, 0, out{2, words(1)}, nil},
			{"KERN_PROC_PATHNAME", netbsd.SYS___sysctl, args{name(me, 5), 4, room(32), longs(32), 0, 0}, 0, out{2, []byte("/bin/prog\x00")}, nil},
			{"EINVAL for something else", netbsd.SYS___sysctl, args{name(me, 9), 4, room(32), longs(32), 0, 0}, netbsd.EINVAL, nil, nil},
			{"EINVAL without what", netbsd.SYS___sysctl, args{name(me, 9), 3, room(32), longs(32), 0, 0}, netbsd.EINVAL, nil, nil},
			{"sysctl_kern_proc_args: EINVAL for nobody", netbsd.SYS___sysctl, args{name(nobody, 1), 4, room(32), longs(32), 0, 0}, netbsd.EINVAL, nil, nil},
			{"fill_pathname: ESRCH for nobody", netbsd.SYS___sysctl, args{name(nobody, 5), 4, room(32), longs(32), 0, 0}, netbsd.ESRCH, nil, nil},
			{"copy_procargs: as much as there is room for", netbsd.SYS___sysctl, args{name(me, 1), 4, room(6), longs(6), 0, 0}, 0, out{2, []byte("prog\x00a")}, nil},
			{"sysctl_kern_proc_args: ARG_MAX is enough", netbsd.SYS___sysctl, args{name(me, 1), 4, 0, longs(0), 0, 0}, 0, out{3, longs(netbsd.ARG_MAX)}, nil},
			{"fork(2)", netbsd.SYS_fork, nil, 0, nil, func(c *player) {
				c.play([]row{
					{"a fork's are its parent's", netbsd.SYS___sysctl, args{name(me, 1), 4, room(32), longs(32), 0, 0}, 0, out{2, []byte("prog\x00arg\x00\xa5")}, nil},
				})
				c.ok(netbsd.SYS_setuid, 100)
				parent := uint32(c.c.L.Proc().Ppid())
				c.play([]row{
					{"EPERM for another's environment", netbsd.SYS___sysctl, args{name(parent, 3), 4, room(32), longs(32), 0, 0}, netbsd.EPERM, nil, nil},
					{"another's arguments", netbsd.SYS___sysctl, args{name(parent, 2), 4, room(4), longs(4), 0, 0}, 0, out{2, words(2)}, nil},
				})
			}},
			{"wait(2)", netbsd.SYS___wait450, args{-1, 0, 0, 0}, 0, nil, nil},
		})
	})
}
