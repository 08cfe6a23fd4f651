package guests

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"toaster"
)

// roleVar, in the environment, makes the test binary play another part than to test:
// to run the guest that it names until somebody kills it.
const roleVar = "TOASTER_GUESTS_ROLE"

func playRole(role string) int {
	if root, ok := strings.CutPrefix(role, credRole); ok {
		return playCred(root)
	}
	if args, ok := strings.CutPrefix(role, groupRole); ok {
		return playGroup(args)
	}
	c := toaster.Command(role, "sub_forever", "10")
	c.Stdout = os.Stdout
	if err := c.Run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// TestKilledKernel kills a kernel with SIGKILL at random moments, while its guests
// fork, exec and exit: no host process stays.
func TestKilledKernel(t *testing.T) {
	adopt(t)
	for range 6 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), roleVar+"="+guestPath)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		awaitReady(t, out)
		time.Sleep(rand.N(100 * time.Millisecond)) // the random moment
		if len(hostChildren(fmt.Sprint(cmd.Process.Pid))) == 0 {
			t.Error("there is no host process to lose")
		}
		cmd.Process.Kill()
		cmd.Wait()
		collectOrphans(t)
	}
}

// adopt has orphans of this process's children become its own, so that the tests see what survives a kernel.
func adopt(t *testing.T) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		t.Skip("no child subreaper:", err)
	}
	t.Cleanup(func() { unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0) })
}

// collectOrphans waits for all children of this process to end. Each must do so by itself.
func collectOrphans(t *testing.T) {
	t.Helper()
	start := time.Now()
	hung := time.AfterFunc(patience, func() {
		for _, pid := range hostChildren("self") {
			t.Errorf("host process %s (%s) is left", pid, commOf(pid))
			var n int
			fmt.Sscan(pid, &n)
			syscall.Kill(n, syscall.SIGKILL)
		}
	})
	defer hung.Stop()
	for {
		_, err := syscall.Wait4(-1, nil, unix.WALL, nil)
		if err == syscall.ECHILD {
			break
		}
	}
	t.Logf("all gone after %v", time.Since(start))
}

func awaitReady(t *testing.T, r io.Reader) {
	t.Helper()
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil || line != "ready\n" {
		t.Fatalf("the guest says %q, %v", line, err)
	}
}

// TestSignalsReachTheGuest sends signals to the command, as a terminal, a supervisor
// or a shell does.
func TestSignalsReachTheGuest(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "toaster")
	if b, err := exec.Command("go", "build", "-buildvcs=false", "-o", bin, "toaster/cmd/toaster").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	for _, test := range []struct {
		name, guest string
		sig         syscall.Signal
		status      int
	}{
		{"SIGTERM caught", "sub_catch", syscall.SIGTERM, 15},
		{"SIGINT caught", "sub_catch", syscall.SIGINT, 2},
		{"SIGHUP caught", "sub_catch", syscall.SIGHUP, 1},
		{"SIGTERM not caught", "sub_ready", syscall.SIGTERM, 128 + 15},
		{"SIGINT not caught", "sub_ready", syscall.SIGINT, 128 + 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			cmd := exec.Command(bin, "run", guestPath, test.guest, "10")
			var stderr strings.Builder
			cmd.Stderr = &stderr
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			hung := time.AfterFunc(patience, func() { cmd.Process.Kill() })
			defer hung.Stop()
			awaitReady(t, out)
			cmd.Process.Signal(test.sig)
			cmd.Wait()
			if got := cmd.ProcessState.ExitCode(); got != test.status {
				t.Errorf("status %d, want %d; %s", got, test.status, stderr.String())
			}
		})
	}
}
