package doctor

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"toaster/internal/hostlike"
	"toaster/internal/platform"
)

// printCheck is the argument with which this program checks the host instead of itself.
const printCheck = "print-check"

func TestMain(m *testing.M) {
	hostlike.Enter()
	if len(os.Args) == 2 && os.Args[1] == printCheck {
		checkAndPrint()
		return
	}
	os.Exit(m.Run())
}

// TestCheckOnOtherHosts checks hosts on which toaster works: nothing is missing there.
func TestCheckOnOtherHosts(t *testing.T) {
	for _, parts := range hostlike.Working {
		t.Run(parts, func(t *testing.T) { hostlike.RunTests(t, parts, "TestCheckFindsNothingHere") })
	}
}

// TestHostsThatLackTooMuch: Check names what is missing and what to do, and New fails with
// a reason instead of guests that do.
func TestHostsThatLackTooMuch(t *testing.T) {
	for _, c := range []struct{ parts, finding, remedy, reason string }{
		{"docker-2020,user", "system calls: close_range (Linux 5.9): operation not permitted", "a newer Docker", "close_range"},
		{"docker-2019,user", "system calls: pidfd_open (Linux 5.3): operation not permitted; pidfd_send_signal", "a newer Docker", "pidfd_open"},
		{"linux-5.5,user", "system calls: close_range (Linux 5.9): function not implemented", "Linux 5.14", "close_range"},
		{"yama-2,user", "process_vm_readv", "kernel.yama.ptrace_scope=1", "reading the memory of a child (process_vm_readv) is refused"},
		{"yama-2,root", "process_vm_readv", "kernel.yama.ptrace_scope=1", "reading the memory of a child (process_vm_readv) is refused"},
		{"no-memfd-exec,user", "memory files: memfd_create: permission denied", "vm.memfd_noexec=1", "memfd_create"},
		{"no-proc,user", "/proc: stat /proc/self/fd: no such file", "mount -t proc proc /proc", "no such file"},
	} {
		t.Run(c.parts, func(t *testing.T) {
			out, err := hostlike.RunSelf(t, c.parts, printCheck)
			if err != nil || !strings.Contains(out, c.finding) || !strings.Contains(out, c.remedy) || !strings.Contains(out, "New: host: ") || !strings.Contains(out, c.reason) {
				t.Errorf("%v, want %q, %q, %q in\n%s", err, c.finding, c.remedy, c.reason, out)
			}
		})
	}
}

// checkAndPrint prints what Check finds, and what New says.
func checkAndPrint() {
	for _, f := range Check() {
		if !f.OK {
			fmt.Printf("%s: %s (%s)\n", f.Name, f.Detail, f.Remedy)
		}
	}
	p, err := platform.New(platform.Options{})
	if err == nil {
		p.Close()
	}
	fmt.Println("New:", err)
}
