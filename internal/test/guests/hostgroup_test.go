package guests

import (
	_ "embed"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"toaster"
	"toaster/internal/guesttest"
)

//go:embed testdata/hostgroup.go.txt
var hostGroupGuest string

// TestGroupsOfHostPrograms sends signals to process groups with programs of the host in them.
func TestGroupsOfHostPrograms(t *testing.T) {
	exe := guesttest.Build(t, hostGroupGuest)
	adopt(t)
	for _, what := range []string{
		"a trap", "a kill", "a stop", "a stop of its own", "children that are left", "guests beside", "an orphaned group", "one process",
		"what is ignored",
	} {
		t.Run(what, func(t *testing.T) {
			tryHostPty(t, exe, what)
			collectOrphans(t)
		})
	}
}

// TestGroupsWithoutTerminal is TestGroupsOfHostPrograms where toaster leads its session: a stop
// by SIGTSTP does not depend on who would continue toaster.
func TestGroupsBelowASessionsLeader(t *testing.T) {
	exe := guesttest.Build(t, hostGroupGuest)
	for _, what := range []string{"a stop", "a stop of its own"} {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), roleVar+"="+groupRole+exe+"\n"+what)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", what, err, out)
		}
	}
}

// TestNothingIsLeftOfGroups: what is in the groups ends with the machine, and with toaster when
// that is killed, also what ignores signals, and whose parent has ended.
func TestNothingIsLeftOfGroups(t *testing.T) {
	exe := guesttest.Build(t, hostGroupGuest)
	adopt(t)
	for _, kill := range []bool{false, true} {
		what := "left for the machine"
		if kill {
			what += "\nstay"
		}
		endOfGroups(t, exe, what, kill)
	}
}

// endOfGroups runs the guest, whose programs have descriptor 3, until it is ready and has ended or toaster is
// killed.
func endOfGroups(t *testing.T, exe, what string, kill bool) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVar+"="+groupRole+exe+"\n"+what)
	cmd.ExtraFiles = []*os.File{w}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	awaitReady(t, out)
	if kill {
		cmd.Process.Kill()
	}
	if b, err := io.ReadAll(r); err != nil || len(b) > 0 {
		t.Errorf("%q, %v", b, err)
	}
	cmd.Wait()
	collectOrphans(t)
}

// groupRole is the role to run the guest of these tests, with descriptor 3.
const groupRole = "group:"

func playGroup(role string) int {
	args := strings.Split(role, "\n")
	c := toaster.Command(args[0], args[1:]...)
	c.Stdout, c.Stderr = os.Stdout, os.Stderr
	if f := os.NewFile(3, "lifeline"); f != nil {
		if _, err := f.Stat(); err == nil {
			c.ExtraFiles = []*os.File{f}
		}
	}
	if err := c.Run(); err != nil {
		return 1
	}
	return 0
}

// TestIgnoredSignalsAreInherited starts toaster as nohup(1) and a shell's & do: the guest, and a
// program of the host below it, ignore what toaster ignored (execve(2)), and only that. Of
// other signals than these two Go's runtime tells nobody that they were ignored.
func TestIgnoredSignalsAreInherited(t *testing.T) {
	exe := guesttest.Build(t, hostGroupGuest)
	for _, test := range []struct{ trap, want string }{
		{"", "1 false\n2 false\n3 false\n15 false\nSigIgn:\t0000000000000000\n"},
		{"trap '' HUP; ", "1 true\n2 false\n3 false\n15 false\nSigIgn:\t0000000000000001\n"},
		{"trap '' INT HUP; ", "1 true\n2 true\n3 false\n15 false\nSigIgn:\t0000000000000003\n"},
	} {
		cmd := exec.Command("/bin/sh", "-c", test.trap+`exec "$0"`, os.Args[0])
		cmd.Env = append(os.Environ(), roleVar+"="+groupRole+exe+"\nas started")
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil || string(out) != test.want {
			t.Errorf("%q: %v, %q, want %q", test.trap, err, out, test.want)
		}
	}
}
