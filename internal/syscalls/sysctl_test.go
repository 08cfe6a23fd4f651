package syscalls

import (
	"encoding/binary"
	"testing"

	"toaster/kern"
	"toaster/netbsd"
)

func TestSysctlNames(t *testing.T) {
	for _, c := range []struct {
		name []int32
		want netbsd.Errno
	}{
		{[]int32{1, 1}, 0},
		{[]int32{1}, netbsd.EISDIR},
		{[]int32{1, ctlQuery}, 0},
		{[]int32{1, 1, 1}, netbsd.ENOTDIR},
		{[]int32{1, 1, ctlQuery}, netbsd.ENOTDIR},
		{[]int32{1, 9999}, netbsd.ENOENT},
		{[]int32{99, 1}, netbsd.ENOENT},
	} {
		if _, errno := sysctlValue(&Call{}, c.name, 100, false); errno != c.want {
			t.Errorf("%v: %s, want %s", c.name, errno.Name(), c.want.Name())
		}
	}
	if _, errno := sysctlValue(&Call{}, []int32{1, 1}, 100, true); errno != netbsd.EPERM {
		t.Errorf("write: %s", errno.Name())
	}
}

// TestSysctlNodesHaveChildren checks what a query can meet: Go's own search by name
// takes it for granted that a node it enters has children.
func TestSysctlNodesHaveChildren(t *testing.T) {
	for _, n := range sysctlRoot.children {
		if n.name != "user" && n.value == nil && len(n.children) == 0 {
			t.Errorf("%s is empty", n.name)
		}
	}
}

// What a program is told of the machine is what the machine goes by: kern.maxproc is the
// number at which fork(2) fails with EAGAIN, kern.hostname the machine's name (sysctl(7)).
func TestSysctlOfTheMachine(t *testing.T) {
	for _, c := range []struct {
		kern.Config
		maxproc  uint32
		hostname string
	}{
		{kern.Config{}, 1 << 21, "\x00"},
		{kern.Config{MaxProc: 2, Hostname: "alpha"}, 2, "alpha\x00"},
	} {
		m := kern.New(c.Config)
		p, _ := m.Spawn(kern.SpawnArgs{Body: func(l *kern.LWP) {
			call := &Call{L: l, K: &Kernel{M: m}}
			maxproc, errno := sysctlValue(call, []int32{1, netbsd.KERN_MAXPROC}, 100, false)
			if errno != 0 || binary.LittleEndian.Uint32(maxproc) != c.maxproc {
				t.Errorf("kern.maxproc is %v, %v, want %d", maxproc, errno, c.maxproc)
			}
			hostname, errno := sysctlValue(call, []int32{1, netbsd.KERN_HOSTNAME}, 100, false)
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
		"hw.ncpu":              {netbsd.CTL_HW, netbsd.HW_NCPU},
		"hw.pagesize":          {netbsd.CTL_HW, netbsd.HW_PAGESIZE},
		"hw.ncpuonline":        {netbsd.CTL_HW, netbsd.HW_NCPUONLINE},
		"hw.usermem64":         {netbsd.CTL_HW, netbsd.HW_USERMEM64},
		"net.route":            {netbsd.CTL_NET, netbsd.AF_ROUTE},
	} {
		found := false
		for _, top := range sysctlRoot.children {
			for _, n := range top.children {
				if top.name+"."+n.name == name {
					found = true
					if got := [2]int32{top.num, n.num}; got != want {
						t.Errorf("%s is %v, want %v", name, got, want)
					}
				}
			}
		}
		if !found {
			t.Errorf("there is no %s", name)
		}
	}
}

// kern.clockrate is struct clockinfo of sys/time.h: hz, tick, tickadj, stathz, profhz, of a clock
// that ticks a hundred times a second, 10,000 µs each. sysconf(3) takes _SC_CLK_TCK from the first.
func TestClockRate(t *testing.T) {
	b, errno := sysctlValue(&Call{}, []int32{netbsd.CTL_KERN, netbsd.KERN_CLOCKRATE}, 20, false)
	if want := words(100, 10000, 0, 100, 100); errno != 0 || string(b) != string(want) {
		t.Errorf("%x, %v, want %x", b, errno, want)
	}
}

// vm.minaddress is VM_MIN_ADDRESS of amd64's vmparam.h, a long, and vm.user_va0_disable says that
// page 0 cannot be mapped (uvm_map_prepare).
func TestSysctlOfAddresses(t *testing.T) {
	for num, want := range map[int32][]byte{netbsd.VM_MINADDRESS: longs(0), 1024: words(1)} {
		b, errno := sysctlValue(&Call{}, []int32{netbsd.CTL_VM, num}, 8, false)
		if errno != 0 || string(b) != string(want) {
			t.Errorf("vm.%d: %x, %v, want %x", num, b, errno, want)
		}
	}
	if _, errno := sysctlValue(&Call{}, []int32{netbsd.CTL_VM, 1024}, 4, true); errno != netbsd.EPERM {
		t.Errorf("page 0 is to be mapped: %s", errno.Name())
	}
}

// Every node of sysctl(7) that is there has a value, as long as it is said to be.
func TestSysctlValues(t *testing.T) {
	newRig(t).run(func(p *player) {
		for _, top := range sysctlRoot.children {
			for _, n := range top.children {
				if n.kind == ctlNode {
					continue
				}
				name := words(uint32(top.num), uint32(n.num))
				r := p.do(netbsd.SYS___sysctl, name, 2, room(256), longs(256), 0, 0)
				size := le.Uint64(r.mem(3, 8))
				if r.errno != 0 || size == 0 || n.kind == ctlInt && n.name != "arandom" && size != 4 || n.kind == ctlQuad && size != 8 {
					t.Errorf("%s.%s: %s, %d bytes", top.name, n.name, errnoName(r.errno), size)
				}
			}
		}
	})
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
		{"curproc is listed", netbsd.SYS___sysctl, args{words(netbsd.CTL_PROC, 0xfffffffe), 2, room(96), longs(96), 0, 0}, 0, nil, nil},
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
		{"EISDIR", netbsd.SYS___sysctl, args{words(netbsd.CTL_PROC, netbsd.PROC_CURPROC), 2, room(4), longs(4), 0, 0}, netbsd.EISDIR, nil, nil},
		{"setuid(2)", netbsd.SYS_setuid, args{7}, 0, nil, nil},
		{"EPERM for another's", netbsd.SYS___sysctl, args{words(netbsd.CTL_PROC, 1, netbsd.PROC_PID_STOPEXIT), 3, 0, 0, words(1), 4}, netbsd.EPERM, nil, nil},
	}})
}
