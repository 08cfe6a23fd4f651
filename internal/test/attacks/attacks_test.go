package attacks

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The programs by which each hole was shown, and what must happen. Those of TestOwn are
// more of the same kinds.

// prochack: proc inside the root gave the kernel's own memory. No file of a pseudo file
// system is opened below a root, whether somebody named it or the host mounted it there.
// What a guest finds there is the machine's procfs, of which self is the guest itself.
func TestProcInTheRoot(t *testing.T) {
	const itself = "toaster's maps: 0000000000400000-" // by NetBSD's format: the host's has eight digits
	root := newRoot(t)
	if err := os.Mkdir(filepath.Join(root, "proc"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Run("named", func(t *testing.T) {
		cmd := exec.Command(command, "run", "--root", root, "--mount", "/proc:/proc", "/prochack")
		out, err := cmd.CombinedOutput()
		if err == nil || strings.Contains(string(out), "wrote to") {
			t.Errorf("%v, %s", err, out)
		}
		nobodyRemains(t)
	})
	t.Run("mounted", func(t *testing.T) {
		sh := fmt.Sprintf("mount -t proc proc %s/proc && exec %s run --root %[1]s /prochack", root, command)
		if out, err := exec.Command("unshare", "--mount", "true").CombinedOutput(); err != nil {
			t.Skipf("no mount namespace: %v, %s", err, out)
		}
		attack(t, exec.Command("unshare", "--mount", "sh", "-c", sh)).says(t, itself, "places changed 0", "!wrote to")
	})
	t.Run("link", func(t *testing.T) {
		os.Remove(filepath.Join(root, "proc"))
		if err := os.Symlink("/../../../../proc", filepath.Join(root, "proc")); err != nil {
			t.Fatal(err)
		}
		attack(t, inRoot(root, "/prochack")).says(t, itself, "places changed 0", "!wrote to")
	})
}

// h1: rt_sigreturn to the stub's clone with TF set made a host process that nobody knew.
func TestNewbornHijacked(t *testing.T) {
	root := newRoot(t)
	for _, args := range [][]string{{"/h1"}, {"/h1", "flood", "20000", "2"}, {"/h1", "quiet", "0", "2", "leave"}} {
		t.Run(strings.Join(args[1:], " "), func(t *testing.T) {
			attack(t, inRoot(root, args...)).says(t, "!stray runs guest code")
		})
	}
}

// h1 after kill -9: whatever it has made dies with the kernel.
func TestNothingOutlivesTheKernel(t *testing.T) {
	root := newRoot(t)
	for _, args := range [][]string{{"/h1", "quiet", "0", "60"}, {"/h4", "50", "3", "60"}, {"/scribble", "60"}, {"/window", "100000"}, {"/sigret"}} {
		for _, after := range []time.Duration{0, 50 * time.Millisecond, 400 * time.Millisecond} {
			cmd := inRoot(root, args...)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			done := make(chan struct{})
			go func() { bufio.NewReader(out).WriteTo(new(nothing)); close(done) }()
			time.Sleep(after) // any moment is as good
			cmd.Process.Kill()
			cmd.Process.Wait()
			nobodyRemains(t)
			<-done
		}
	}
}

type nothing struct{}

func (*nothing) Write(b []byte) (int, error) { return len(b), nil }

// h1b by way of launch: a token that was ordered bought the descriptor of all control memory,
// and with it another user's registers.
func TestOtherUsersRegisters(t *testing.T) {
	root := newRoot(t)
	attack(t, inRoot(root, "/launch")).says(t, "victim: nothing happened", "the victim ended with status 0",
		"!found the victim's register", "!its function pwned() has run", "!changed by code I never called")
}

// h2: an extended state of 577 to 579 bytes in a forged frame made the kernel panic.
func TestSizeOfExtendedState(t *testing.T) {
	root := newRoot(t)
	for _, size := range []string{"0", "576", "577", "578", "579", "580", "4294967295"} {
		attack(t, inRoot(root, "/h2", size)).says(t, "sigaction 0")
	}
}

// h3: an order that is never answered kept everybody waiting, and SIGTERM was ignored. The
// guest is killed for it, within 25 seconds of a fair clock, and not by the limit, which is there for a kernel that hangs.
func TestOrdersUnanswered(t *testing.T) {
	root := newRoot(t)
	for _, order := range []string{"fork", "rusage", "mmap"} {
		t.Run(order, func(t *testing.T) {
			o := attack(t, inRoot(root, "--wall-time", "3m", "/h3", order))
			if o.took > 25*time.Second || o.status == timeLimit {
				t.Errorf("it took %v, and ended with status %d", o.took, o.status)
			}
		})
	}
}

// h4: each LWP in user mode held one of Go's threads, which are 10,000 at most.
func TestManyLWPs(t *testing.T) {
	root := newRoot(t)
	n, p := "300", "4"
	if *long {
		n, p = "1000", "10"
	}
	o := attack(t, inRoot(root, "/h4", n, p, "2"))
	if o.status != 0 || !strings.Contains(o.out, "LWPs made "+n) {
		t.Errorf("status %d\n%s", o.status, o.out)
	}
}

// h5b: Go's runtime ends the program where the host refuses it a thread.
func TestTheHostRefuses(t *testing.T) {
	root := newRoot(t)
	limits := map[string][]string{"open files": {"--nofile=64"}, "memory": {"--as=4000000000"}}
	if os.Getuid() == 0 {
		limits["processes"] = []string{"--nproc=60"} // root is not limited: as somebody else
	}
	if _, err := exec.LookPath("prlimit"); err != nil {
		t.Skip("no prlimit; install util-linux")
	}
	for name, flags := range limits {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command("prlimit", append(flags, command, "run", "--root", root, "--wall-time", "60s", "/h5b")...)
			if os.Getuid() == 0 {
				cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 54321, Gid: 54321}}
			}
			attack(t, cmd).says(t, "kernel lives")
		})
	}
}

// h7: sockets sent over themselves kept their descriptors, beyond Close.
func TestSocketsOverThemselves(t *testing.T) {
	root := newRoot(t)
	attack(t, inRoot(root, "/h7", "3000")).says(t, "cycles made ")
}

// leak: what came along with --root, and what uid 1001 could do where toaster ran as root.
func TestWhatComesAlong(t *testing.T) {
	root := newRoot(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	cmd := inRoot(root, "--network", "none", "/leak", port)
	cmd.Env = append(os.Environ(), "SECRET=x")
	o := attack(t, cmd)
	o.says(t, "environment strings: 0", "!got SECRET", "!connected to the host's", "/nodes/mem: open errno", "/proc/1/environ: open errno",
		"/proc/self/status: leak 2 1 2 2 ", "/proc/self/comm: open errno", "/sys/kernel/notes: open errno")
	if host, _ := os.Hostname(); host != "toaster" {
		o.says(t, "!hostname: "+host+"\n")
	}
	if os.Getuid() == 0 {
		o.says(t, "as uid 1001", "/private: open errno 13", "!/private: private")
	}
	if st, err := os.Stat(filepath.Join(root, "suid")); err != nil || st.Mode()&os.ModeSetuid != 0 {
		t.Errorf("the host has a set-id file: %v, %v", st, err)
	}
}

// device nodes: those of the host that are below the root are not opened.
func TestDeviceNodes(t *testing.T) {
	root := newRoot(t)
	nodes := filepath.Join(root, "nodes")
	if err := os.Mkdir(nodes, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, dev := range map[string]int{"kmsg": 1<<8 | 11, "mem": 1<<8 | 1, "null": 1<<8 | 3, "zero": 1<<8 | 5, "tty": 5 << 8} {
		if err := syscall.Mknod(filepath.Join(nodes, name), syscall.S_IFCHR|0o666, dev); err != nil {
			t.Skipf("no device can be made: %v", err)
		}
	}
	attack(t, inRoot(root, "/leak")).says(t, "!/nodes/kmsg: OPENED", "!/nodes/mem: OPENED", "!/nodes/null: OPENED", "!/nodes/zero: OPENED", "!/nodes/tty: OPENED", "/nodes/mem: open errno 6")
}
