package platform

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"toaster/internal/hostlike"
)

// otherHosts are those on which toaster works, imitated (see package hostlike): each
// refuses something that it does without.
var otherHosts = []string{
	"docker,root", "docker,user", "podman,root", "podman,user", "no-userns,user", "max-userns-0,user",
	"linux-5.14,user", "linux-5.14,docker,root", "no-openat2,user", "sealed-vdso,user", "hidepid,user", "hidepid,docker,root", "no-tmp,user",
}

// TestOnOtherHosts runs tests of every part again, on other hosts.
func TestOnOtherHosts(t *testing.T) {
	everywhere := []string{
		"TestCheckFindsNothingHere", "TestSyscall", "TestForkSeparatesMemory", "TestThreadsShareMemory",
		"TestKilledFromOutside", "TestReadString", "TestMappings", "TestNobodyIsLeft", "TestSegmentBases",
		"TestExtendedStateIsSavedAndRestored", "TestCloseLeavesNothing",
	}
	if haveFSGSBase() {
		everywhere = append(everywhere, "TestFastCallsHaveAllRegisters")
	}
	for _, parts := range otherHosts {
		t.Run(parts, func(t *testing.T) {
			tests := everywhere
			if haveFSGSBase() && !strings.HasPrefix(parts, "sealed-vdso") { // the stub has no clock there
				tests = append(slices.Clone(tests), "TestFastClock")
			}
			out, err := onHost(t, parts, "-test.v", "-test.run", "^("+strings.Join(tests, "|")+")$")
			if n := strings.Count(out, "\n--- PASS"); err != nil || n != len(tests) {
				t.Fatalf("%v, %d of %d pass\n%s", err, n, len(tests), out)
			}
		})
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
			out, err := onHost(t, c.parts, printCheck)
			if err != nil || !strings.Contains(out, c.finding) || !strings.Contains(out, c.remedy) || !strings.Contains(out, "New: host: ") || !strings.Contains(out, c.reason) {
				t.Errorf("%v, want %q, %q, %q in\n%s", err, c.finding, c.remedy, c.reason, out)
			}
		})
	}
}

// onHost runs this test program on another host.
func onHost(t *testing.T, parts string, args ...string) (string, error) {
	t.Helper()
	hostlike.SkipUnless(t, parts)
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), otherHostVar+"="+parts)
	cmd.Dir, cmd.Env = hostlike.Home(t, cmd.Env)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// For TestMain: the host to be on, and what this program does there instead of tests.
const (
	otherHostVar = "TOASTER_HOST_LIKE"
	printCheck   = "print-check"
)

func enterOtherHost(parts string) {
	os.Unsetenv(otherHostVar)
	fmt.Fprintln(os.Stderr, hostlike.Exec(parts, "/proc/self/exe", os.Args, os.Environ()))
	os.Exit(1)
}

// checkAndPrint prints what Check finds, and what New says.
func checkAndPrint() {
	for _, f := range Check() {
		if !f.OK {
			fmt.Printf("%s: %s (%s)\n", f.Name, f.Detail, f.Remedy)
		}
	}
	p, err := New(Options{})
	if err == nil {
		p.Close()
	}
	fmt.Println("New:", err)
}
