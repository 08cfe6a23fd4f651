package syscalls

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"toaster/kern"
	"toaster/netbsd"
)

// What each name means: sysctl_locate and sysctl_dispatch of kern_sysctl.c.
func TestSysctlNames(t *testing.T) {
	for _, c := range []struct {
		name  []int32
		write bool
		want  netbsd.Errno
	}{
		{[]int32{1, 1}, false, 0},
		{[]int32{1}, false, netbsd.EINVAL},                // sysctl_lookup
		{[]int32{netbsd.CTL_QUERY}, false, netbsd.EINVAL}, // without a node to say which version is meant (sysctl_cvt_in)
		{[]int32{1, netbsd.CTL_MMAP}, false, netbsd.EINVAL},
		{[]int32{1, netbsd.CTL_DESCRIBE}, false, 0},
		{[]int32{1, netbsd.CTL_CREATE}, false, netbsd.EPERM}, // whether there is a node to create is asked later (sysctl_create)
		{[]int32{1, netbsd.CTL_CREATE}, true, netbsd.EPERM},
		{[]int32{1, netbsd.CTL_DESTROY}, true, netbsd.EPERM},
		{[]int32{1, -99}, false, netbsd.EOPNOTSUPP},
		{[]int32{1, 1, 1}, false, netbsd.ENOTDIR},
		{[]int32{1, 1, netbsd.CTL_QUERY}, false, netbsd.ENOTDIR},
		{[]int32{1, 9999}, false, netbsd.ENOENT},
		{[]int32{99, 1}, false, netbsd.ENOENT},
		{[]int32{netbsd.CTL_KERN, netbsd.KERN_PROC2, netbsd.CTL_QUERY}, false, 0},
		{[]int32{netbsd.CTL_PROC, -5, 1}, false, netbsd.ENOENT},
		{[]int32{1, 1}, true, netbsd.EPERM},
	} {
		if _, _, errno := sysctlValue(&Call{}, c.name, 100, c.write); errno != c.want {
			t.Errorf("%v, write %v: %s, want %s", c.name, c.write, errnoName(errno), errnoName(c.want))
		}
	}
}

// everyNode calls f with each node of the tree and its name; of proc the caller's.
func everyNode(f func(path []int32, name string, n *sysctlNode)) {
	var walk func(path []int32, name string, n *sysctlNode)
	walk = func(path []int32, name string, n *sysctlNode) {
		list := n.listed(nil)
		for i := range list {
			at := append(slices.Clone(path), list[i].num)
			f(at, name+list[i].name, &list[i])
			walk(at, name+list[i].name+".", &list[i])
		}
	}
	walk(nil, "", &sysctlRoot)
}

// sysctl(8) walks the tree by what a query tells, and Go's search by name takes it for granted that a
// node it enters has children. No number and no name stands twice in a node.
func TestSysctlTree(t *testing.T) {
	// Directories that have nothing in them in NetBSD either: libc has user's, file systems without options (their *_vfsops.c).
	empty := []string{"user", "emul", "vendor", "kern.veriexec.count", "net.link.tap", "vfs.overlay", "vfs.msdosfs", "vfs.fdesc", "vfs.null",
		"vfs.umap", "vfs.kernfs", "vfs.procfs", "vfs.union", "vfs.ext2fs", "vfs.ntfs", "vfs.ptyfs"}
	everyNode(func(path []int32, name string, n *sysctlNode) {
		if n.kind == netbsd.CTLTYPE_NODE && n.value == nil && len(n.nodes(nil)) == 0 && n.each == nil && n.found == nil && !slices.Contains(empty, name) {
			t.Errorf("%s is empty", name)
		}
		if (n.value == nil) != (n.kind == netbsd.CTLTYPE_NODE) && n.kind != netbsd.CTLTYPE_NODE {
			t.Errorf("%s has no value", name)
		}
		if len(n.name) == 0 || len(n.name) >= netbsd.SysctlNameLen || n.num < 0 {
			t.Errorf("%s, %d: no name or number", name, n.num)
		}
		numbers, names := map[int32]bool{}, map[string]bool{}
		for _, child := range n.listed(nil) {
			if numbers[child.num] || names[child.name] {
				t.Errorf("%s.%s, %d, is there twice", name, child.name, child.num)
			}
			numbers[child.num], names[child.name] = true, true
		}
	})
}

// What a program is told of the machine is what the machine goes by: kern.maxproc is the
// number at which fork(2) fails with EAGAIN, kern.hostname the machine's name (sysctl(7)). kern.maxlwp is no more than the machine has, and
// its superuser cannot raise it further.
func TestSysctlOfTheMachine(t *testing.T) {
	for _, c := range []struct {
		kern.Config
		maxproc  uint32
		maxlwp   uint32
		hostname string
	}{
		{kern.Config{}, 1 << 21, 65535, "\x00"},
		{kern.Config{MaxProc: 2, MaxLWPs: 9, Hostname: "alpha"}, 2, 9, "alpha\x00"},
	} {
		m := kern.New(c.Config)
		p, _ := m.Spawn(kern.SpawnArgs{Body: func(l *kern.LWP) {
			call := &Call{L: l, K: &Kernel{M: m, PhysMem: 1 << 40}}
			maxproc, _, errno := sysctlValue(call, []int32{1, netbsd.KERN_MAXPROC}, 100, false)
			if errno != 0 || binary.LittleEndian.Uint32(maxproc) != c.maxproc {
				t.Errorf("kern.maxproc is %v, %v, want %d", maxproc, errno, c.maxproc)
			}
			maxlwp, _, errno := sysctlValue(call, []int32{1, ctlCreateBase + 15}, 100, false)
			if errno != 0 || binary.LittleEndian.Uint32(maxlwp) != c.maxlwp {
				t.Errorf("kern.maxlwp is %v, %v, want %d", maxlwp, errno, c.maxlwp)
			}
			if errno := maxLWPNode(0).set(call, words(c.maxlwp+1)); errno != netbsd.EINVAL {
				t.Errorf("to raise kern.maxlwp: %v", errno)
			}
			hostname, _, errno := sysctlValue(call, []int32{1, netbsd.KERN_HOSTNAME}, 100, false)
			if errno != 0 || string(hostname) != c.hostname {
				t.Errorf("kern.hostname is %q, %v, want %q", hostname, errno, c.hostname)
			}
			if _, errno = l.Fork(kern.ForkArgs{Body: func(*kern.LWP) {}}); c.maxproc == 2 && errno != netbsd.EAGAIN {
				t.Errorf("a process more than kern.maxproc: %v", errno)
			}
		}})
		p.Wait()
		m.Close()
	}
}

// The numbers of sysctl's nodes are those of sys/sysctl.h: libc's sysconf(3) asks by number.
func TestSysctlNumbers(t *testing.T) {
	for name, want := range map[string][2]int32{
		"kern.ostype":          {netbsd.CTL_KERN, netbsd.KERN_OSTYPE},
		"kern.osrevision":      {netbsd.CTL_KERN, netbsd.KERN_OSREV},
		"kern.argmax":          {netbsd.CTL_KERN, netbsd.KERN_ARGMAX},
		"kern.hostname":        {netbsd.CTL_KERN, netbsd.KERN_HOSTNAME},
		"kern.posix1version":   {netbsd.CTL_KERN, netbsd.KERN_POSIX1},
		"kern.saved_ids":       {netbsd.CTL_KERN, netbsd.KERN_SAVED_IDS},
		"kern.fsync":           {netbsd.CTL_KERN, netbsd.KERN_FSYNC},
		"kern.iov_max":         {netbsd.CTL_KERN, netbsd.KERN_IOV_MAX},
		"kern.monotonic_clock": {netbsd.CTL_KERN, netbsd.KERN_MONOTONIC_CLOCK},
		"kern.urandom":         {netbsd.CTL_KERN, netbsd.KERN_URND},
		"kern.arandom":         {netbsd.CTL_KERN, netbsd.KERN_ARND},
		"kern.boottime":        {netbsd.CTL_KERN, netbsd.KERN_BOOTTIME},
		"kern.proc_args":       {netbsd.CTL_KERN, netbsd.KERN_PROC_ARGS},
		"vm.loadavg":           {netbsd.CTL_VM, netbsd.VM_LOADAVG},
		"vm.minaddress":        {netbsd.CTL_VM, netbsd.VM_MINADDRESS},
		"vm.user_va0_disable":  {netbsd.CTL_VM, 1024},
		"vm.bufmem":            {netbsd.CTL_VM, 1026}, // CTL_CREATE, as those around it
		"hw.ncpu":              {netbsd.CTL_HW, netbsd.HW_NCPU},
		"hw.pagesize":          {netbsd.CTL_HW, netbsd.HW_PAGESIZE},
		"hw.ncpuonline":        {netbsd.CTL_HW, netbsd.HW_NCPUONLINE},
		"hw.usermem64":         {netbsd.CTL_HW, netbsd.HW_USERMEM64},
		"net.route":            {netbsd.CTL_NET, netbsd.AF_ROUTE},
	} {
		found := false
		everyNode(func(path []int32, at string, _ *sysctlNode) {
			if at == name {
				found = true
				if !slices.Equal(path, want[:]) {
					t.Errorf("%s is %v, want %v", name, path, want)
				}
			}
		})
		if !found {
			t.Errorf("there is no %s", name)
		}
	}
}

// kern.clockrate is struct clockinfo of sys/time.h: hz, tick, tickadj, stathz, profhz, of a clock
// that ticks a hundred times a second, 10,000 µs each. sysconf(3) takes _SC_CLK_TCK from the first.
func TestClockRate(t *testing.T) {
	b, _, errno := sysctlValue(&Call{}, []int32{netbsd.CTL_KERN, netbsd.KERN_CLOCKRATE}, 20, false)
	if want := words(100, 10000, 0, 100, 100); errno != 0 || string(b) != string(want) {
		t.Errorf("%x, %v, want %x", b, errno, want)
	}
}

// vm.minaddress is VM_MIN_ADDRESS of amd64's vmparam.h, a long, and vm.user_va0_disable says that
// page 0 cannot be mapped (uvm_map_prepare).
func TestSysctlOfAddresses(t *testing.T) {
	for num, want := range map[int32][]byte{netbsd.VM_MINADDRESS: longs(0), 1024: words(1)} {
		b, _, errno := sysctlValue(&Call{}, []int32{netbsd.CTL_VM, num}, 8, false)
		if errno != 0 || string(b) != string(want) {
			t.Errorf("vm.%d: %x, %v, want %x", num, b, errno, want)
		}
	}
	if _, _, errno := sysctlValue(&Call{}, []int32{netbsd.CTL_VM, 1024}, 4, true); errno != netbsd.EPERM {
		t.Errorf("page 0 is to be mapped: %s", errno.Name())
	}
}

// kern.sched tells the range of real-time priorities, which sched_get_priority_min(3) and its like ask
// for (sysctl_sched_setup).
func TestSysctlOfPriorities(t *testing.T) {
	sched := sysctlRoot.child(nil, netbsd.CTL_KERN).child(nil, ctlCreateBase+3)
	want := map[string]uint32{"pri_min": 0, "pri_max": 63}
	for _, n := range sched.nodes(nil) {
		if v, ok := want[n.name]; ok {
			b, _, errno := sysctlValue(&Call{}, []int32{netbsd.CTL_KERN, sched.num, n.num}, 4, false)
			if errno != 0 || string(b) != string(words(v)) {
				t.Errorf("kern.sched.%s: %x, %v, want %d", n.name, b, errno, v)
			}
			delete(want, n.name)
		}
	}
	for name := range want {
		t.Errorf("there is no kern.sched.%s", name)
	}
}

// Every node of sysctl(7) that is there has a value, as long as it is said to be.
func TestSysctlValues(t *testing.T) {
	// Lists of what there is none of here.
	none := []string{"kern.intr.list", "kern.ccd.units", "kern.pool", "net.bpf.peers", "net.inet6.ip6.addctlpolicy", "net.inet6.icmp6.nd6_drlist",
		"net.inet6.icmp6.nd6_prlist", "kern.hashstat"}
	newRig(t).run(func(p *player) {
		everyNode(func(path []int32, name string, n *sysctlNode) {
			if n.kind == netbsd.CTLTYPE_NODE || n.below {
				return
			}
			r := p.do(netbsd.SYS___sysctl, mib(path...), len(path), room(16384), longs(16384), 0, 0)
			size := le.Uint64(r.mem(3, 8))
			if r.errno != 0 || size == 0 && !slices.Contains(none, name) || n.name != "arandom" && n.describe(nil).Size != 0 && size != n.describe(nil).Size {
				t.Errorf("%s: %s, %d bytes", name, errnoName(r.errno), size)
			}
		})
	})
}

// sysctl_kern_cptime: the sum of all processors for who has room for that, or asks for the size; those of
// each for other room; those of one by its number, ENOENT if there is none such; EINVAL for more numbers.
func TestSysctlCPTime(t *testing.T) {
	const one = 5 * 8
	cpus := runtime.NumCPU()
	for _, c := range []struct {
		rest  []int32
		room  int
		errno netbsd.Errno
		size  int
	}{
		{nil, 0, 0, one},
		{nil, one, 0, one},
		{nil, 4096, 0, one * cpus},
		{[]int32{0}, one, 0, one},
		{[]int32{int32(cpus - 1)}, 4096, 0, one},
		{[]int32{int32(cpus)}, one, netbsd.ENOENT, 0},
		{[]int32{-1}, one, netbsd.ENOENT, 0},
		{[]int32{0, 0}, one, netbsd.EINVAL, 0},
	} {
		newRig(t).run(func(p *player) {
			path := append([]int32{netbsd.CTL_KERN, netbsd.KERN_CP_TIME}, c.rest...)
			var old any = 0
			if c.room > 0 {
				old = room(c.room)
			}
			r := p.do(netbsd.SYS___sysctl, mib(path...), len(path), old, longs(uint64(c.room)), 0, 0)
			if r.errno != c.errno || c.errno == 0 && le.Uint64(r.mem(3, 8)) != uint64(c.size) {
				t.Errorf("%v with room of %d: %s, %d bytes", c.rest, c.room, errnoName(r.errno), le.Uint64(r.mem(3, 8)))
			}
		})
	}
}

// mib is the name of a node in memory.
func mib(path ...int32) []byte {
	var w []uint32
	for _, n := range path {
		w = append(w, uint32(n))
	}
	return words(w...)
}

// struct sysctlnode of sys/sysctl.h: flags with version and type, number, name, size.
func TestSysctlQuery(t *testing.T) {
	list := sysctlQuery(nil, &sysctlRoot)
	if len(list) != 13*netbsd.SizeofSysctlnode {
		t.Fatalf("%d bytes", len(list))
	}
	kern := netbsd.DecodeSysctlnode(list)
	if kern.Name != "kern" || kern.Num != netbsd.CTL_KERN || kern.Flags != netbsd.SYSCTL_VERS_1|netbsd.CTLFLAG_PERMANENT|netbsd.CTLTYPE_NODE ||
		kern.Size != uint64(len(kernNodes()))*netbsd.SizeofSysctlnode {
		t.Errorf("%+v", kern)
	}
	hostname := sysctlRoot.child(nil, netbsd.CTL_KERN).child(nil, netbsd.KERN_HOSTNAME).describe(nil)
	if hostname.Flags&netbsd.CTLFLAG_READWRITE == 0 {
		t.Errorf("%+v cannot be written", hostname)
	}
	if any := netbsd.DecodeSysctlnode(sysctlQuery(nil, sysctlRoot.child(nil, netbsd.CTL_PROC))); any.Name != "curproc" || any.Flags&netbsd.CTLFLAG_ANYNUMBER == 0 {
		t.Errorf("%+v", any)
	}
}

// struct sysctldesc: number, version, length with the NUL, text; the next one at a multiple of 4.
func TestSysctlDescribe(t *testing.T) {
	newRig(t).run(func(p *player) {
		one := make([]byte, netbsd.SizeofSysctlnode)
		(&netbsd.Sysctlnode{Flags: netbsd.SYSCTL_VERS_1, Num: netbsd.KERN_OSTYPE}).Encode(one)
		r := p.do(netbsd.SYS___sysctl, mib(netbsd.CTL_KERN, netbsd.CTL_DESCRIBE), 2, room(256), longs(256), one, len(one))
		const want = "\x01\x00\x00\x00\x00\x00\x00\x00\x16\x00\x00\x00Operating system type\x00\x00\x00"
		if got := string(r.mem(2, len(want))); r.errno != 0 || le.Uint64(r.mem(3, 8)) != uint64(len(want)) || got != want {
			t.Errorf("%s: %q, want %q", errnoName(r.errno), got, want)
		}
		r = p.do(netbsd.SYS___sysctl, mib(netbsd.CTL_HW, netbsd.CTL_DESCRIBE), 2, 0, longs(0), 0, 0)
		if r.errno != 0 || le.Uint64(r.mem(3, 8)) < 15*16 {
			t.Errorf("hw: %s, %d bytes", errnoName(r.errno), le.Uint64(r.mem(3, 8)))
		}
	})
}

// sysctl(3): only the superuser changes a value, to one of the right length; the old one comes back.
func TestSysctlWrite(t *testing.T) {
	name := mib(netbsd.CTL_KERN, netbsd.KERN_HOSTNAME)
	r := newRig(t)
	r.run(func(p *player) {
		if got := p.do(netbsd.SYS___sysctl, name, 2, room(16), longs(16), "beta", 4); got.errno != 0 || string(got.mem(2, 4)) != "rig\x00" {
			t.Errorf("%s, it was %q", errnoName(got.errno), got.mem(2, 4))
		}
		if got := r.m.Hostname(); got != "beta" {
			t.Errorf("the name is %q", got)
		}
		if got := p.do(netbsd.SYS___sysctl, name, 2, 0, 0, make([]byte, netbsd.MAXHOSTNAMELEN+1), netbsd.MAXHOSTNAMELEN+1); got.errno != netbsd.EINVAL {
			t.Errorf("a name that is too long by its NUL: %s", errnoName(got.errno))
		}
		counter := mib(netbsd.CTL_KERN, ctlCreateBase+2, ctlCreateBase+1)
		for value, want := range map[string]netbsd.Errno{"TSC": 0, "clockinterrupt": 0, "HPET": netbsd.EINVAL} { // sysctl_kern_timecounter_hardware
			if got := p.do(netbsd.SYS___sysctl, counter, 3, 0, 0, value, len(value)); got.errno != want {
				t.Errorf("kern.timecounter.hardware %s: %s", value, errnoName(got.errno))
			}
		}
		soft := mib(netbsd.CTL_PROC, netbsd.PROC_CURPROC, netbsd.PROC_PID_LIMIT, netbsd.RLIMIT_NOFILE+1, netbsd.PROC_PID_LIMIT_TYPE_SOFT)
		for _, c := range []struct {
			size int
			want netbsd.Errno
		}{{8, 0}, {4, netbsd.EINVAL}, {513, netbsd.EINVAL}, {ctlMaxNew, netbsd.EINVAL}, {ctlMaxNew + 1, netbsd.EINVAL}} {
			if got := p.do(netbsd.SYS___sysctl, soft, 5, 0, 0, append(longs(99), make([]byte, ctlMaxNew)...), c.size); got.errno != c.want {
				t.Errorf("%d bytes: %s", c.size, errnoName(got.errno))
			}
		}
		if limit, _ := p.c.L.Proc().Rlimit(netbsd.RLIMIT_NOFILE); limit.Cur != 99 {
			t.Errorf("the limit is %d", limit.Cur)
		}
		p.c.L.Setuid(7)
		if got := p.do(netbsd.SYS___sysctl, name, 2, 0, 0, "gamma", 5); got.errno != netbsd.EPERM {
			t.Errorf("as uid 7: %s", errnoName(got.errno))
		}
	})
}

// kern.proc2, kern.lwp and kern.file2: elements of the size that is asked for, as many as there is room
// for, ENOMEM where that is too few (sysctl_doeproc, sysctl_kern_lwp, sysctl_kern_file2). Beside the
// caller there is init.
func TestSysctlTables(t *testing.T) {
	r := newRig(t)
	twoPieces := []Mapping{{Start: 0x1000, End: 0x3000, Prot: 5, MaxProt: 7, Inherit: 1, Ino: 77}, {Start: 0x5000, End: 0x6000, Prot: 3, MaxProt: 3, Wired: true}}
	r.run(func(p *player) {
		p.c.L.Proc().VM().(*ram).pieces = twoPieces
		pid := int32(p.c.L.Proc().Pid())
		for _, c := range []struct {
			name string
			mib  []int32
			room int
			size uint64
			want netbsd.Errno
		}{
			{"a process", []int32{1, netbsd.KERN_PROC2, netbsd.KERN_PROC_PID, pid, 0x288, 1}, 0x288, 0x288, 0},
			{"all", []int32{1, netbsd.KERN_PROC2, netbsd.KERN_PROC_ALL, 0, 680, 10}, 6800, 2 * 680, 0},
			{"of root", []int32{1, netbsd.KERN_PROC2, netbsd.KERN_PROC_UID, 0, 680, 10}, 6800, 2 * 680, 0},
			{"of nobody", []int32{1, netbsd.KERN_PROC2, netbsd.KERN_PROC_UID, 5, 680, 10}, 6800, 0, 0},
			{"without a terminal", []int32{1, netbsd.KERN_PROC2, netbsd.KERN_PROC_TTY, netbsd.KERN_PROC_TTY_NODEV, 680, 10}, 6800, 2 * 680, 0},
			{"no room", []int32{1, netbsd.KERN_PROC2, netbsd.KERN_PROC_PID, pid, 680, 1}, 679, 0, netbsd.ENOMEM},
			{"how much", []int32{1, netbsd.KERN_PROC2, netbsd.KERN_PROC_PID, pid, 680, 0}, 0, 680 * (1 + slop), 0},
			{"no way to select", []int32{1, netbsd.KERN_PROC2, 99, pid, 680, 1}, 680, 680, netbsd.EINVAL},
			{"too few names", []int32{1, netbsd.KERN_PROC2, netbsd.KERN_PROC_PID, pid}, 680, 680, netbsd.EINVAL},
			{"a negative size", []int32{1, netbsd.KERN_PROC2, netbsd.KERN_PROC_PID, pid, -1, 1}, 680, 680, netbsd.EINVAL},
			{"a huge size", []int32{1, netbsd.KERN_PROC2, netbsd.KERN_PROC_PID, pid, 1 << 30, 1}, 680, 0, netbsd.ENOMEM},
			{"how much, of a huge size", []int32{1, netbsd.KERN_PROC2, netbsd.KERN_PROC_PID, pid, 1 << 30, 0}, 0, (1 + slop) << 30, 0},
			{"its LWPs", []int32{1, netbsd.KERN_LWP, pid, 0x100, 4}, 1024, 0x100, 0},
			{"LWPs of nobody", []int32{1, netbsd.KERN_LWP, 29999, 0x100, 4}, 1024, 1024, netbsd.ESRCH},
			{"its files", []int32{1, netbsd.KERN_FILE2, netbsd.KERN_FILE_BYPID, pid, 120, 10}, 1200, 0, 0},
			{"all files", []int32{1, netbsd.KERN_FILE2, netbsd.KERN_FILE_BYFILE, 0, 120, 10}, 1200, 0, 0},
			{"all files of one", []int32{1, netbsd.KERN_FILE2, netbsd.KERN_FILE_BYFILE, pid, 120, 10}, 1200, 1200, netbsd.EINVAL},
			{"its memory", []int32{2, netbsd.VM_PROC, 1, -1, 1128}, 0, uint64(len(twoPieces)) * 1128, 0},
			{"its memory, of which not all has room", []int32{2, netbsd.VM_PROC, 1, pid, 1128}, 1128, 2 * 1128, netbsd.ENOSPC},
			{"nobody's memory", []int32{2, netbsd.VM_PROC, 1, 29999, 1128}, 1128, 1128, netbsd.ESRCH},
			{"no room for memory", []int32{2, netbsd.VM_PROC, 1, -1, 1128}, 1127, 1127, netbsd.ENOMEM},
			{"memory of no size", []int32{2, netbsd.VM_PROC, 1, -1, 0}, 1128, 1128, netbsd.EINVAL},
			{"memory of a size too large", []int32{2, netbsd.VM_PROC, 1, -1, 2257}, 8192, 8192, netbsd.EINVAL},
			{"where it is", []int32{1, netbsd.KERN_PROC_ARGS, -1, netbsd.KERN_PROC_CWD}, 100, 2, 0},
		} {
			var oldp any = room(8192)
			if c.room == 0 {
				oldp = 0
			}
			got := p.do(netbsd.SYS___sysctl, mib(c.mib...), len(c.mib), oldp, longs(uint64(c.room)), 0, 0)
			if size := le.Uint64(got.mem(3, 8)); got.errno != c.want || size != c.size {
				t.Errorf("%s: %s, %d bytes; want %s, %d", c.name, errnoName(got.errno), size, errnoName(c.want), c.size)
			}
		}
		// struct kinfo_vmentry of fill_vmentry.
		got := p.do(netbsd.SYS___sysctl, mib(netbsd.CTL_VM, netbsd.VM_PROC, 1, pid, 1128), 5, room(8192), longs(8192), 0, 0).mem(2, 2*1128)
		for at, want := range map[int]uint32{0: 0x1000, 8: 0x3000, 24: 2, 28: 0x29, 32: 2, 48: 5, 52: 7, 60: 1, 64: 77, 1128: 0x5000, 1152: 255, 1164: 1} {
			if n := le.Uint32(got[at:]); n != want {
				t.Errorf("vm.proc.map at %d: %#x, want %#x", at, n, want)
			}
		}
	})
}

// KERN_PROC_CWD (fill_cwd): ESRCH of a process that has ended, and ENOENT of a directory that is not below the caller's root, as that of init.
func TestCwdOfOthers(t *testing.T) {
	cwd := func(pid uint32) []byte {
		return words(netbsd.CTL_KERN, netbsd.KERN_PROC_ARGS, pid, netbsd.KERN_PROC_CWD)
	}
	r := newRig(t)
	if err := os.Mkdir(filepath.Join(r.dir, "jail"), 0o755); err != nil { // by the guest it takes root on the host
		t.Fatal(err)
	}
	r.run(func(p *player) {
		p.play([]row{
			{"init", netbsd.SYS___sysctl, args{cwd(1), 4, room(9), longs(9), 0, 0}, 0, out{2, []byte("/\x00\xa5")}, nil},
			{"nobody", netbsd.SYS___sysctl, args{cwd(29999), 4, room(9), longs(9), 0, 0}, netbsd.ESRCH, nil, nil},
			{"fork(2)", netbsd.SYS_fork, nil, 0, nil, func(c *player) {
				c.play([]row{
					{"chroot(2)", netbsd.SYS_chroot, args{"/jail"}, 0, nil, nil},
					{"init, from below another root", netbsd.SYS___sysctl, args{cwd(1), 4, room(9), longs(9), 0, 0}, netbsd.ENOENT, nil, nil},
				})
			}},
			{"_exit(2): a zombie", netbsd.SYS_wait6, args{netbsd.P_ALL, 0, room(4), netbsd.WEXITED | netbsd.WNOWAIT, 0, 0}, 0, nil, nil},
		})
		child := uint32(p.do(netbsd.SYS_wait6, netbsd.P_ALL, 0, room(4), netbsd.WEXITED|netbsd.WNOWAIT, 0, 0).ret[0])
		p.play([]row{{"a zombie", netbsd.SYS___sysctl, args{cwd(child), 4, room(9), longs(9), 0, 0}, netbsd.ESRCH, nil, nil}})
	})
}

// struct kinfo_proc2 as ps(1) reads it, at the offsets of sys/sysctl.h.
func TestKinfoProc(t *testing.T) {
	newRig(t).run(func(p *player) {
		me := p.c.L.Proc()
		r := p.do(netbsd.SYS___sysctl, mib(1, netbsd.KERN_PROC2, netbsd.KERN_PROC_PID, int32(me.Pid()), 680, 1), 6, room(680), longs(680), 0, 0)
		b := r.mem(2, 680)
		for _, f := range []struct {
			name string
			at   int
			want uint32
		}{
			{"p_eflag", 104, netbsd.EPROC_SLEADER}, {"p_pid", 116, uint32(me.Pid())}, {"p_ppid", 120, uint32(me.Ppid())},
			{"p_sid", 124, uint32(me.Pid())}, {"p__pgid", 128, uint32(me.Pid())}, {"p_tpgid", 132, ^uint32(0)},
			{"p_uid", 136, 0}, {"p_tdev", 220, ^uint32(0)}, {"p_uvalid", 448, 1}, {"p_nlwps", 616, 1}, {"p_realstat", 632, netbsd.SACTIVE},
		} {
			if got := le.Uint32(b[f.at:]); got != f.want {
				t.Errorf("%s is %d, want %d", f.name, got, f.want)
			}
		}
		if b[360] != netbsd.LSONPROC || b[361] != 43 || b[362] != 43 || b[363] != 20 {
			t.Errorf("p_stat %d, p_priority %d, p_usrpri %d, p_nice %d", b[360], b[361], b[362], b[363])
		}
	})
}

// resetpriority of sched_4bsd.c 1.47, and lwp_eprio of kern_lwp.c 1.270: PRI_KERNEL is 64, and who sleeps in the kernel is above it.
func TestPriorities(t *testing.T) {
	for _, c := range []struct {
		nice      int
		state     kern.LWPState
		pri, user uint8
	}{
		{20, kern.LWPRunning, 43, 43}, {20, kern.LWPStopped, 43, 43}, {20, kern.LWPSleeping, 85, 43},
		{40, kern.LWPRunning, 23, 23}, {40, kern.LWPSleeping, 75, 23}, {0, kern.LWPRunning, 63, 63}, {0, kern.LWPSleeping, 95, 63},
	} {
		if pri, user := priorities(c.nice, c.state); pri != c.pri || user != c.user {
			t.Errorf("nice %d, %v: %d, %d, want %d, %d", c.nice, c.state, pri, user, c.pri, c.user)
		}
	}
}

// sysctl_proc_stop of NetBSD 10's kern_resource.c.
func TestSysctlProcStops(t *testing.T) {
	node := func(pid, which int) func(*player) uint64 {
		return func(p *player) uint64 {
			if pid == 0 {
				pid = p.c.L.Proc().Pid()
			}
			return p.arg(words(netbsd.CTL_PROC, uint32(pid), uint32(which)))
		}
	}
	stages(t, map[string][]row{"stops": {
		{"curproc is listed", netbsd.SYS___sysctl, args{words(netbsd.CTL_PROC, 0xfffffffe), 2, room(96), longs(96), anyVersion(), 96}, 0, nil, nil},
		{"off at first", netbsd.SYS___sysctl, args{node(netbsd.PROC_CURPROC, netbsd.PROC_PID_STOPEXIT), 3, room(4), longs(4), 0, 0}, 0, out{2, words(0)}, nil},
		{"set: the old value", netbsd.SYS___sysctl, args{node(netbsd.PROC_CURPROC, netbsd.PROC_PID_STOPEXIT), 3, room(4), longs(4), words(7), 4}, 0, out{2, words(0)}, nil},
		{"it is on, by the pid, too", netbsd.SYS___sysctl, args{node(0, netbsd.PROC_PID_STOPEXIT), 3, room(4), longs(4), 0, 0}, 0, out{2, words(1)}, nil},
		{"the others are not", netbsd.SYS___sysctl, args{node(0, netbsd.PROC_PID_STOPFORK), 3, room(4), longs(4), 0, 0}, 0, out{2, words(0)}, nil},
		{"cleared", netbsd.SYS___sysctl, args{node(0, netbsd.PROC_PID_STOPEXIT), 3, 0, 0, words(0), 4}, 0, nil, nil},
		{"it is off", netbsd.SYS___sysctl, args{node(0, netbsd.PROC_PID_STOPEXIT), 3, room(4), longs(4), 0, 0}, 0, out{2, words(0)}, nil},
		{"EINVAL for the size", netbsd.SYS___sysctl, args{node(0, netbsd.PROC_PID_STOPEXIT), 3, 0, 0, words(1), 8}, netbsd.EINVAL, nil, nil},
		{"EFAULT for the new value", netbsd.SYS___sysctl, args{node(0, netbsd.PROC_PID_STOPEXIT), 3, 0, 0, bad, 4}, netbsd.EFAULT, nil, nil},
		{"ESRCH", netbsd.SYS___sysctl, args{node(nobody, netbsd.PROC_PID_STOPEXIT), 3, room(4), longs(4), 0, 0}, netbsd.ESRCH, nil, nil},
		{"ENOENT", netbsd.SYS___sysctl, args{node(0, 77), 3, room(4), longs(4), 0, 0}, netbsd.ENOENT, nil, nil},
		{"sysctl_lookup: EINVAL", netbsd.SYS___sysctl, args{words(netbsd.CTL_PROC, netbsd.PROC_CURPROC), 2, room(4), longs(4), 0, 0}, netbsd.EINVAL, nil, nil},
		{"setuid(2)", netbsd.SYS_setuid, args{7}, 0, nil, nil},
		{"EPERM for another's", netbsd.SYS___sysctl, args{words(netbsd.CTL_PROC, 1, netbsd.PROC_PID_STOPEXIT), 3, 0, 0, words(1), 4}, netbsd.EPERM, nil, nil},
	}})
}

// net.local.stream.pcblist has each socket once, with the address by which kern.file2 knows it (sysctl_unpcblist,
// sysctl_dounpcb: the family at 24, the type at 28, SS_ISCONNECTED at 40, the names at 72 and 336).
func TestSysctlSockets(t *testing.T) {
	r := newRig(t)
	r.run(func(p *player) {
		p.ok(netbsd.SYS_socketpair, netbsd.AF_LOCAL, netbsd.SOCK_STREAM, 0, room(8))
		p.ok(netbsd.SYS_dup, 0)
		list := mib(netbsd.CTL_NET, netbsd.AF_LOCAL, netbsd.SOCK_STREAM, ctlCreateBase+2, 0, 0, netbsd.SizeofKinfoPcb, 100)
		got := p.do(netbsd.SYS___sysctl, list, 8, room(4096), longs(4096), 0, 0)
		if n := le.Uint64(got.mem(3, 8)); got.errno != 0 || n != 2*netbsd.SizeofKinfoPcb {
			t.Fatalf("%s, %d bytes", errnoName(got.errno), n)
		}
		b := got.mem(2, netbsd.SizeofKinfoPcb)
		for _, f := range []struct{ at, want uint32 }{{24, netbsd.AF_LOCAL}, {28, netbsd.SOCK_STREAM}, {40, 2}} {
			if v := le.Uint32(b[f.at:]); v != f.want {
				t.Errorf("%d at %d, want %d", v, f.at, f.want)
			}
		}
		if b[73] != netbsd.AF_LOCAL || b[337] != netbsd.AF_LOCAL {
			t.Errorf("families of the names are %d and %d", b[73], b[337])
		}
		files := mib(netbsd.CTL_KERN, netbsd.KERN_FILE2, netbsd.KERN_FILE_BYPID, int32(p.c.L.Proc().Pid()), 120, 10)
		if got := p.do(netbsd.SYS___sysctl, files, 6, room(1200), longs(1200), 0, 0); le.Uint64(got.mem(2, 120)[64:]) != le.Uint64(b[16:]) {
			t.Errorf("kern.file2 has another address")
		}
		for name, c := range map[string]struct {
			mib  []byte
			n    int
			want netbsd.Errno
		}{
			"another size":  {mib(netbsd.CTL_NET, netbsd.AF_LOCAL, netbsd.SOCK_STREAM, ctlCreateBase+2, 0, 0, 600, 100), 8, netbsd.EINVAL},
			"too few names": {mib(netbsd.CTL_NET, netbsd.AF_LOCAL, netbsd.SOCK_STREAM, ctlCreateBase+2, 0, 0, netbsd.SizeofKinfoPcb), 7, netbsd.EINVAL},
			"of IPv4":       {mib(netbsd.CTL_NET, netbsd.AF_INET, netbsd.IPPROTO_TCP, ctlCreateBase, 0, 0, netbsd.SizeofKinfoPcb, 100), 8, 0},
		} {
			if got := p.do(netbsd.SYS___sysctl, c.mib, c.n, room(4096), longs(4096), 0, 0); got.errno != c.want {
				t.Errorf("%s: %s", name, errnoName(got.errno))
			}
		}
	})
}

// sysctl_proc_corename and sysctl_kern_defcorename: who may set the name of a process's core files, and to what. A child has it, too (pl_corename),
// and the others have the machine's.
func TestSysctlCoreNames(t *testing.T) {
	own := func(pid uint32) []byte { return words(netbsd.CTL_PROC, pid, netbsd.PROC_PID_CORENAME) }
	const mine = netbsd.PROC_CURPROC & 0xffffffff
	all := words(netbsd.CTL_KERN, netbsd.KERN_DEFCORENAME)
	set := func(name []byte, to string) args {
		return args{name, len(name) / 4, 0, 0, to + "\x00", len(to) + 1}
	}
	get := func(name []byte) args { return args{name, len(name) / 4, room(64), longs(64), 0, 0} }
	is := func(name string) out { return out{2, append([]byte(name), 0)} }
	nr := netbsd.SYS___sysctl
	stages(t, map[string][]row{"names": {
		{"the machine's", nr, get(own(mine)), 0, is(netbsd.DefCorename), nil},
		{"EINVAL for none", nr, set(all, ""), netbsd.EINVAL, nil, nil},
		{"another", nr, set(all, "c%p"), 0, nil, nil},
		{"the machine's", nr, get(all), 0, is("c%p"), nil},
		{"the processes have it", nr, get(own(mine)), 0, is("c%p"), nil},
		{"EINVAL for another end", nr, set(own(mine), "/tmp/c%p"), netbsd.EINVAL, nil, nil},
		{"EINVAL for an end of a part", nr, set(own(mine), "score"), netbsd.EINVAL, nil, nil},
		{"EINVAL for nothing", nr, set(own(mine), ""), netbsd.EINVAL, nil, nil},
		{"EINVAL for a long one", nr, set(own(mine), strings.Repeat("x", 1020)+".core"), netbsd.EINVAL, nil, nil},
		{"core", nr, set(own(mine), "core"), 0, nil, nil},
		{"/core", nr, set(own(mine), "/tmp/core"), 0, nil, nil},
		{".core", nr, set(own(mine), "%n.%p.core"), 0, nil, nil},
		{"one's own", nr, get(own(mine)), 0, is("%n.%p.core"), nil},
		{"of another process", nr, get(own(1)), 0, is("c%p"), nil},
		{"ESRCH", nr, set(own(nobody), "core"), netbsd.ESRCH, nil, nil},
		{"a child", netbsd.SYS_fork, nil, 0, nil, func(c *player) {
			c.play([]row{{"has its parent's", nr, get(own(mine)), 0, is("%n.%p.core"), nil}})
		}},
		{"wait(2)", netbsd.SYS___wait450, args{-1, 0, 0, 0}, 0, nil, nil},
		{"setuid(2)", netbsd.SYS_setuid, args{7}, 0, nil, nil},
		{"EPERM for the machine's", nr, set(all, "d"), netbsd.EPERM, nil, nil},
		{"EPERM for another's", nr, set(own(1), "core"), netbsd.EPERM, nil, nil},
		{"one's own", nr, set(own(mine), "core"), 0, nil, nil},
	}})
}
