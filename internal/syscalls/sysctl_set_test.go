package syscalls

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"toaster/kern"
	"toaster/netbsd"
)

// anyVersion is the node that a query comes with (sysctl_cvt_in).
func anyVersion() []byte {
	b := make([]byte, netbsd.SizeofSysctlnode)
	(&netbsd.Sysctlnode{Flags: netbsd.SYSCTL_VERS_1}).Encode(b)
	return b
}

// named finds a node by its name.
func nodeNamed(t *testing.T, name string) []int32 {
	t.Helper()
	var found []int32
	everyNode(func(path []int32, at string, _ *sysctlNode) {
		if at == name {
			found = path
		}
	})
	if found == nil {
		t.Fatalf("there is no %s", name)
	}
	return found
}

// setNode sets a node, and returns what was said, and its value afterwards.
func (p *player) setNode(path []int32, value []byte) (netbsd.Errno, []byte) {
	set := p.do(netbsd.SYS___sysctl, mib(path...), len(path), 0, 0, value, len(value))
	now := p.do(netbsd.SYS___sysctl, mib(path...), len(path), room(16384), longs(16384), 0, 0)
	return set.errno, now.mem(2, int(le.Uint64(now.mem(3, 8))))
}

// TestSysctlQueries: what a query, a description, a mapping and a new node come with (sysctl_cvt_in, sysctl_describe, sysctl_mmap,
// sysctl_create, sysctl_destroy of kern_sysctl.c 1.271).
func TestSysctlQueries(t *testing.T) {
	node := func(flags uint32, num int32, ver uint32) []byte {
		b := make([]byte, netbsd.SizeofSysctlnode)
		(&netbsd.Sysctlnode{Flags: flags, Num: num, Ver: ver}).Encode(b)
		return b
	}
	described := node(netbsd.SYSCTL_VERS_1, netbsd.KERN_OSTYPE, 0)
	le.PutUint64(described[88:], 1)
	other := slices.Clone(described)
	le.PutUint32(other[4:], 9999)
	const ask = netbsd.SYS___sysctl
	kernQuery, kernDescribe := mib(netbsd.CTL_KERN, netbsd.CTL_QUERY), mib(netbsd.CTL_KERN, netbsd.CTL_DESCRIBE)
	kernMap, kernCreate := mib(netbsd.CTL_KERN, netbsd.CTL_MMAP), mib(netbsd.CTL_KERN, netbsd.CTL_CREATE)
	vendorCreate, vendorDestroy := mib(netbsd.CTL_VENDOR, netbsd.CTL_CREATE), mib(netbsd.CTL_VENDOR, netbsd.CTL_DESTROY)
	rows := func(uid int) []row {
		var change netbsd.Errno = netbsd.EPERM
		unknown, nothing := netbsd.ENOENT, netbsd.EINVAL
		if uid != 0 {
			unknown, nothing = netbsd.EPERM, netbsd.EPERM
		}
		return []row{
			{"a query without a node", ask, args{kernQuery, 2, 0, longs(0), 0, 0}, netbsd.EINVAL, nil, nil},
			{"a query", ask, args{kernQuery, 2, 0, longs(0), anyVersion(), 96}, 0, nil, nil},
			{"a node of another size", ask, args{kernQuery, 2, 0, longs(0), anyVersion(), 88}, netbsd.EINVAL, nil, nil},
			{"a node of another version", ask, args{kernQuery, 2, 0, longs(0), node(2<<24, 0, 0), 96}, netbsd.EINVAL, nil, nil},
			{"a tree that has changed", ask, args{kernQuery, 2, 0, longs(0), node(netbsd.SYSCTL_VERS_1, 0, 7), 96}, netbsd.EINVAL, nil, nil},
			{"a node that is nowhere", ask, args{kernQuery, 2, 0, longs(0), 8, 96}, netbsd.EFAULT, nil, nil},
			{"all descriptions", ask, args{kernDescribe, 2, 0, longs(0), 0, 0}, 0, nil, nil},
			{"a description is set", ask, args{kernDescribe, 2, 0, longs(0), described, 96}, change, nil, nil},
			{"one of no node", ask, args{kernDescribe, 2, 0, longs(0), other, 96}, unknown, nil, nil},
			{"nothing to map", ask, args{kernMap, 2, 0, longs(0), 0, 0}, netbsd.EINVAL, nil, nil},
			{"no node to map", ask, args{kernMap, 2, 0, longs(0), node(netbsd.SYSCTL_VERS_1, 9999, 0), 96}, netbsd.ENOENT, nil, nil},
			{"a node is mapped", ask, args{kernMap, 2, 0, longs(0), node(netbsd.SYSCTL_VERS_1, netbsd.KERN_OSTYPE, 0), 96}, netbsd.EOPNOTSUPP, nil, nil},
			{"a node is made", ask, args{kernCreate, 2, 0, longs(0), anyVersion(), 96}, netbsd.EPERM, nil, nil},
			{"nothing is made below vendor", ask, args{vendorCreate, 2, 0, longs(0), 0, 0}, nothing, nil, nil},
			{"nothing is made at the top", ask, args{mib(netbsd.CTL_CREATE), 1, 0, longs(0), 0, 0}, nothing, nil, nil},
			{"what is not below vendor is taken away", ask, args{vendorDestroy, 2, 0, longs(0), anyVersion(), 96}, unknown, nil, nil},
			{"kern is taken away", ask, args{mib(netbsd.CTL_DESTROY), 1, 0, longs(0), node(netbsd.SYSCTL_VERS_1, netbsd.CTL_KERN, 0), 96}, netbsd.EPERM, nil, nil},
			{"below what is none", ask, args{mib(1, netbsd.KERN_OSTYPE, netbsd.CTL_CREATE), 3, 0, longs(0), anyVersion(), 96}, netbsd.ENOTDIR, nil, nil},
		}
	}
	stages(t, map[string][]row{"as the superuser": rows(0), "as another user": append([]row{{"setuid(2)", netbsd.SYS_setuid, args{7}, 0, nil, nil}}, rows(7)...)})
}

// TestSysctlSets: what the superuser sets is read back, in this machine alone; others may not (sysctl_lookup: EPERM). Every node that says that it can be set
// takes the value that it has.
func TestSysctlSets(t *testing.T) {
	var paths [][]int32
	names := map[string]string{}
	everyNode(func(path []int32, name string, n *sysctlNode) {
		if n.set != nil && !strings.HasPrefix(name, "proc.") && !strings.HasPrefix(name, "debug.crashme.") {
			paths = append(paths, path)
			names[fmt.Sprint(path)] = name
		}
	})
	if len(paths) < 250 {
		t.Errorf("%d nodes can be set", len(paths))
	}
	newRig(t).run(func(p *player) {
		for _, path := range paths {
			name := names[fmt.Sprint(path)]
			got := p.do(netbsd.SYS___sysctl, mib(path...), len(path), room(16384), longs(16384), 0, 0)
			was := slices.Clone(got.mem(2, int(le.Uint64(got.mem(3, 8)))))
			if errno, now := p.setNode(path, was); errno != 0 || string(now) != string(was) {
				t.Errorf("%s is %.40q, set so: %s, %.40q", name, was, errnoName(errno), now)
			}
			if len(was) != 1 && len(was) < 512 { // another length, that a string has no room for either
				if errno, _ := p.setNode(path, append(slices.Clone(was), make([]byte, 4090-len(was))...)); errno != netbsd.EINVAL {
					t.Errorf("%s, too long: %s", name, errnoName(errno))
				}
			}
		}
		p.c.L.Setuid(7)
		for _, path := range paths {
			if errno, _ := p.setNode(path, words(1)); errno != netbsd.EPERM {
				t.Errorf("%s as another user: %s", names[fmt.Sprint(path)], errnoName(errno))
			}
		}
	})
}

// TestSysctlBounds: what the helpers of nodes refuse: sysctl_net_inet_ip_ports, sysctl_net_inet_tcp_mssdflt, sysctl_kern_forkfsleep,
// sysctl_kern_maxproc, uvm_sysctlpctparam, sysctl_bufvm_update, sysctl_kern_mbuf, sysctl_aio_max, sysctl_tcp_congctl, sysctl_hw_firmware_path and
// others, of NetBSD 11.
func TestSysctlBounds(t *testing.T) {
	const bad = netbsd.EINVAL
	text := func(s string) []byte { return []byte(s) }
	for name, c := range map[string][]struct {
		value []byte
		want  netbsd.Errno
	}{
		"net.inet.ip.ttl":                      {{words(7), 0}, {words(0xffffffff), 0}, {longs(7), bad}},
		"net.inet.ip.anonportmin":              {{words(1023), bad}, {words(1024), 0}, {words(65535), bad}},
		"net.inet.ip.anonportmax":              {{words(49152), bad}, {words(65536), bad}, {words(50000), 0}},
		"net.inet.ip.lowportmax":               {{words(1024), bad}, {words(600), bad}, {words(700), 0}},
		"net.inet.ip.anonportalgo.selected":    {{text("none"), bad}, {text("randinc"), 0}},
		"net.inet.tcp.mssdflt":                 {{words(31), bad}, {words(32), 0}},
		"net.inet.tcp.init_win":                {{words(11), bad}, {words(10), 0}},
		"net.inet.tcp.congctl.selected":        {{text("bbr"), bad}, {text("cubic"), 0}},
		"net.inet.icmp.returndatabytes":        {{words(7), bad}, {words(512), 0}, {words(513), bad}},
		"net.inet.ipsec.def_policy":            {{words(2), bad}, {words(0), 0}},
		"net.bpf.jit":                          {{[]byte{2}, bad}, {[]byte{1}, 0}, {words(1), bad}},
		"kern.forkfsleep":                      {{words(20001), bad}, {words(20000), 0}, {words(0xffffffff), bad}},
		"kern.maxproc":                         {{words(0xffffffff), bad}, {words(1<<21 + 1), bad}, {words(100), 0}},
		"kern.sbmax":                           {{words(16<<10 - 1), bad}, {words(16 << 10), 0}},
		"kern.somaxkva":                        {{words(16<<20 - 1), bad}, {words(17 << 20), 0}},
		"kern.aio_max":                         {{words(511), bad}, {words(512), 0}},
		"kern.aio_listio_max":                  {{words(0), bad}, {words(8193), bad}, {words(1), 0}},
		"kern.mbuf.nmbclusters":                {{words(1023), bad}, {words(2048), 0}, {words(2047), bad}},
		"kern.module.autotime":                 {{words(0xffffffff), bad}, {words(0), 0}},
		"kern.veriexec.strict":                 {{words(1), 0}, {words(0), netbsd.EPERM}, {words(2), 0}},
		"kern.ipc.msgmni":                      {{words(0), bad}, {words(1 << 30), netbsd.ENOMEM}, {words(100), 0}},
		"kern.ipc.semmns":                      {{words(0), bad}, {words(1024), 0}},
		"kern.ipc.shmmax":                      {{longs(4095), bad}, {longs(8192), 0}, {words(8192), bad}},
		"vm.anonmin":                           {{words(101), bad}, {words(81), bad}, {words(80), 0}},
		"vm.bufmem_lowater":                    {{longs(1 << 60), 0}, {longs(4096), 0}}, // unsigned, as NetBSD subtracts
		"debug.crashme.panic":                  {{words(1), netbsd.EACCES}},             // crashme_sysctl_forwarder
		"vm.bufcache":                          {{words(101), bad}, {words(0), 0}},
		"hw.firmware.path":                     {{text("firmware"), bad}, {text("/a:b"), bad}, {text("/a:/b"), 0}},
		"machdep.tsc_user_enable":              {{words(2), bad}, {words(1), 0}},
		"security.models.extensions.usermount": {{words(1), 0}},
		"kern.coredump.setid.path":             {{text(""), 0}, {text("/x"), 0}},
		"kern.timecounter.timestepwarnings":    {{words(1), 0}},
		"vfs.sync.delay":                       {{longs(60), 0}, {words(60), bad}},
		"net.inet6.ip6.lowportmin":             {{words(1023), bad}, {words(1), 0}},
		"net.inet6.icmp6.redirtimeout":         {{words(0xffffffff), bad}, {words(0), 0}},
		"net.key.spi_try":                      {{words(1), 0}},
		"kern.threadpool.idle_ms":              {{words(0), bad}, {words(1), 0}},
		"kern.sooptions":                       {{words(1 << 31), bad}, {words(8), 0}},
		"net.ether.rps_hash":                   {{text("none"), bad}, {text("curcpu"), 0}},
		"kern.tty.qsize":                       {{words(1023), bad}, {words(5000), 0}, {words(1 << 17), bad}},
	} {
		path := nodeNamed(t, name)
		newRig(t).run(func(p *player) {
			for _, v := range c {
				errno, now := p.setNode(path, v.value)
				if errno != v.want {
					t.Errorf("%s %x: %s, want %s", name, v.value, errnoName(errno), errnoName(v.want))
				}
				if errno == 0 && name != "kern.tty.qsize" && len(v.value) > 0 && !strings.HasPrefix(string(now), string(v.value)) {
					t.Errorf("%s %x: reads %x", name, v.value, now)
				}
			}
		})
	}
}

// TestSecureLevel: kern.securelevel has three names, and only rises (secmodel_securelevel_sysctl). Above 0 it fixes what
// secmodel_securelevel_system_cb, secmodel_securelevel_network_cb, sysctl_extensions_user_handler and sysctl_extensions_curtain_handler say,
// above 1 the names of core files (secmodel_securelevel_process_cb).
func TestSecureLevel(t *testing.T) {
	level := nodeNamed(t, "kern.securelevel")
	other := nodeNamed(t, "security.models.securelevel.securelevel")
	curtain, mount := nodeNamed(t, "security.curtain"), nodeNamed(t, "vfs.generic.usermount")
	route, dump := nodeNamed(t, "net.inet.ip.forwsrcrt"), nodeNamed(t, "kern.coredump.setid.dump")
	core := []int32{netbsd.CTL_PROC, netbsd.PROC_CURPROC, netbsd.PROC_PID_CORENAME}
	newRig(t).run(func(p *player) {
		set := func(what string, path []int32, value []byte, want netbsd.Errno) {
			t.Helper()
			if errno, _ := p.setNode(path, value); errno != want {
				t.Errorf("%s: %s, want %s", what, errnoName(errno), errnoName(want))
			}
		}
		set("the curtain at -1", curtain, words(1), 0)
		set("mounts at -1", mount, words(1), 0)
		set("routes at -1", route, words(0), 0)
		set("dumps at -1", dump, words(1), 0)
		set("it is raised", level, words(1), 0)
		if _, now := p.setNode(other, words(1)); string(now) != string(words(1)) {
			t.Errorf("by its other name it is %x", now)
		}
		set("it is lowered", level, words(0), netbsd.EPERM)
		set("by its other name", other, words(0xffffffff), netbsd.EPERM)
		set("the curtain is drawn", curtain, words(2), 0)
		set("and opened", curtain, words(0), netbsd.EPERM)
		set("mounts as they are", mount, words(1), 0)
		set("mounts again", mount, words(2), netbsd.EPERM)
		set("no mounts", mount, words(0), 0)
		set("routes", route, words(1), netbsd.EPERM)
		set("dumps", dump, words(0), netbsd.EPERM)
		set("a name of cores", core, []byte("x.core"), 0)
		set("it is raised again", level, words(2), 0)
		set("a name of cores above 1", core, []byte("y.core"), netbsd.EPERM)
	})
}

// TestMaxProcSet: a machine has no more processes than its superuser lets it have: EAGAIN (fork1).
func TestMaxProcSet(t *testing.T) {
	r := newRig(t)
	r.run(func(p *player) {
		if errno, _ := p.setNode([]int32{1, netbsd.KERN_MAXPROC}, words(uint32(r.m.NumProcs()))); errno != 0 {
			t.Fatal(errno)
		}
		if _, errno := p.c.L.Fork(kern.ForkArgs{Body: func(*kern.LWP) {}}); errno != netbsd.EAGAIN {
			t.Errorf("a process more: %v", errno)
		}
		if errno, _ := p.setNode([]int32{1, netbsd.KERN_MAXPROC}, words(1000)); errno != 0 {
			t.Error(errno)
		}
		if child, errno := p.c.L.Fork(kern.ForkArgs{Body: func(*kern.LWP) {}}); errno != 0 {
			t.Errorf("after it was raised: %v", errno)
		} else {
			child.Wait()
		}
	})
}

// TestSocketDefaults: what new sockets have: ip_defttl (in_pcballoc), ip6_v6only (in6_pcballoc) and sooptions (socreate). Those that there are keep theirs.
func TestSocketDefaults(t *testing.T) {
	r := newRig(t)
	r.network = true
	r.run(func(p *player) {
		ask := func(fd uint64, level, name int) uint32 {
			got := p.do(netbsd.SYS_getsockopt, fd, level, name, room(4), words(4))
			if got.errno != 0 {
				t.Fatalf("getsockopt(2): %s", errnoName(got.errno))
			}
			return le.Uint32(got.mem(3, 4))
		}
		open := func(family int) (uint64, bool) {
			got := p.do(netbsd.SYS___socket30, family, netbsd.SOCK_DGRAM, 0)
			return got.ret[0], got.errno == 0
		}
		before, ok := open(netbsd.AF_INET)
		if !ok {
			t.Log("no IPv4")
			return
		}
		was := ask(before, netbsd.IPPROTO_IP, netbsd.IP_TTL)
		for name, v := range map[string]uint32{"net.inet.ip.ttl": was + 5, "net.inet6.ip6.v6only": 0, "kern.sooptions": netbsd.SO_REUSEADDR} {
			if errno, _ := p.setNode(nodeNamed(t, name), words(v)); errno != 0 {
				t.Fatalf("%s: %s", name, errnoName(errno))
			}
		}
		after, _ := open(netbsd.AF_INET)
		if a, b := ask(before, netbsd.IPPROTO_IP, netbsd.IP_TTL), ask(after, netbsd.IPPROTO_IP, netbsd.IP_TTL); a != was || b != was+5 {
			t.Errorf("the old socket has %d, a new one %d", a, b)
		}
		if a, b := ask(before, netbsd.SOL_SOCKET, netbsd.SO_REUSEADDR), ask(after, netbsd.SOL_SOCKET, netbsd.SO_REUSEADDR); a != 0 || b == 0 {
			t.Errorf("SO_REUSEADDR of the old socket is %d, of a new one %d", a, b)
		}
		if six, ok := open(netbsd.AF_INET6); ok {
			if v := ask(six, netbsd.IPPROTO_IPV6, netbsd.IPV6_V6ONLY); v != 0 {
				t.Errorf("IPV6_V6ONLY is %d", v)
			}
		}
	})
}
