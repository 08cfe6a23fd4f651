package guests

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"toaster"
	"toaster/internal/platform"
)

var hostileFor = flag.Duration("hostile", 3*time.Second, "how long the hostile guests with random input go on")

// prison is a machine whose guests see a scratch directory as their root.
type prison struct {
	*testing.T
	m       *toaster.Machine
	dir     string // holds root and what is not the guest's
	null    string // what the guests' standard input is like
	regions []region
}

// region is a mapping of the stub's above the guest's addresses.
type region struct{ from, to uint64 }

func newPrison(t *testing.T) *prison {
	p := &prison{T: t, dir: t.TempDir(), null: attributes(t, os.DevNull)}
	root := filepath.Join(p.dir, "root")
	b, err := os.ReadFile(guestPath)
	for _, err := range []error{err, os.Mkdir(root, 0o755), os.WriteFile(filepath.Join(root, "guest"), b, 0o755),
		os.Symlink("../..", filepath.Join(root, "l")), os.WriteFile(filepath.Join(p.dir, "secret"), []byte("secret"), 0o644)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if p.m, err = toaster.New(context.Background(), toaster.Options{Root: root}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	p.regions = p.findRegions()
	return p
}

// findRegions looks where the stub and the control window lie, the same everywhere.
func (p *prison) findRegions() (list []region) {
	c := p.m.Command("/guest", "sub_ready", "10")
	out, err := c.StdoutPipe()
	if err != nil {
		p.Fatal(err)
	}
	if err := c.Start(); err != nil {
		p.Fatal(err)
	}
	awaitReady(p.T, out)
	seen := make(map[region]bool)
	for _, pid := range hostChildren("self") {
		b, _ := os.ReadFile("/proc/" + pid + "/maps")
		for s := bufio.NewScanner(bytes.NewReader(b)); s.Scan(); {
			var r region
			if n, _ := fmt.Sscanf(s.Text(), "%x-%x", &r.from, &r.to); n == 2 && r.from >= platform.GuestEnd && r.to < 1<<47 && !seen[r] {
				seen[r] = true
				list = append(list, r)
			}
		}
	}
	c.Process.Kill()
	c.Wait()
	if len(list) == 0 {
		p.Fatal("no mapping above the guest's addresses")
	}
	return list
}

// attack runs a hostile guest. Whatever becomes of it, the machine must be sound
// afterwards.
func (p *prison) attack(args ...string) string {
	p.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c := p.m.Command("/guest", args...)
	var out strings.Builder
	c.Stdout, c.Stderr = &out, io.Discard
	if err := c.Start(); err != nil {
		p.Fatalf("%v: %v", args, err)
	}
	stop := context.AfterFunc(ctx, func() {
		p.Errorf("%v hangs; the processes:\n%s", args, processes(p.m))
		c.Process.Kill()
	})
	c.Wait()
	stop()
	p.restore()
	p.sound(args)
	return out.String()
}

// sound checks that the machine works, and that nothing outside the root was touched.
func (p *prison) sound(args []string) {
	p.Helper()
	for _, err := range p.m.Kern().Check() {
		p.Errorf("after %v: inconsistent: %v", args, err)
	}
	c := p.m.Command("/guest", "sub_exit", "10", "7")
	if err := c.Run(); c.ProcessState == nil || c.ProcessState.ExitCode() != 7 {
		p.Errorf("after %v: another guest ends with %v", args, err)
	}
	if now := attributes(p.T, os.DevNull); now != p.null {
		p.Fatalf("after %v: the host's %s is %s, was %s", args, os.DevNull, now, p.null)
	}
	list, _ := os.ReadDir(p.dir)
	b, err := os.ReadFile(filepath.Join(p.dir, "secret"))
	if len(list) != 2 || err != nil || string(b) != "secret" {
		p.Fatalf("after %v: the folder outside has %v, %q, %v", args, list, b, err)
	}
}

// attributes says what a guest could change of a file of the host that it has open.
func attributes(t *testing.T, name string) string {
	t.Helper()
	st, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	sys := st.Sys().(*syscall.Stat_t)
	return fmt.Sprint(st.Mode(), " owner ", sys.Uid, " group ", sys.Gid, " size ", st.Size())
}

// restore puts the program back that a guest may have changed, renamed or removed: its
// root is its own.
func (p *prison) restore() {
	p.Helper()
	b, err := os.ReadFile(guestPath)
	if err != nil {
		p.Fatal(err)
	}
	root := filepath.Join(p.dir, "root")
	name := filepath.Join(root, "guest")
	for _, err := range []error{os.Chmod(root, 0o755), os.RemoveAll(name), os.WriteFile(name, b, 0o755)} {
		if err != nil {
			p.Fatal(err)
		}
	}
}

func (p *prison) close() {
	if err := p.m.Close(); err != nil {
		p.Errorf("Close: %v", err)
	}
}

// TestJumpIntoTheStub jumps to addresses of the stub and of the control window: all of
// the first with -hostile of a minute and more, a part of them else.
func TestJumpIntoTheStub(t *testing.T) {
	p := newPrison(t)
	for _, r := range p.regions {
		step := max((r.to-r.from)/60|1, 1)
		if *hostileFor >= time.Minute && r.to-r.from <= 1<<16 {
			step = 1
		}
		p.attack("sub_jump", "10", decimal(r.from), decimal(r.to), decimal(step))
	}
}

// TestScribble overwrites the control window.
func TestScribble(t *testing.T) {
	p := newPrison(t)
	for _, r := range p.regions {
		p.attack("sub_scribble", "10", decimal(r.from), decimal(r.to), "1", "40")
		p.attack("sub_scribble", "10", decimal(r.from), decimal(min(r.to, r.from+4096)), "2", "40")
	}
}

// TestRemap maps, unmaps and protects what is not the guest's, and unmaps all that is.
func TestRemap(t *testing.T) {
	p := newPrison(t)
	for _, r := range p.regions {
		if out := p.attack("sub_remap", "10", decimal(r.from), decimal(r.to)); out != "" {
			t.Errorf("%x-%x: %s", r.from, r.to, out)
		}
	}
}

// TestRandomCalls makes random system calls with random arguments.
func TestRandomCalls(t *testing.T) {
	p := newPrison(t)
	seed := uint64(time.Now().UnixNano() % 1e9)
	for end := time.Now().Add(*hostileFor); time.Now().Before(end); seed++ {
		p.attack("sub_random", "10", decimal(seed), "2000")
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func decimal(n uint64) string { return strconv.FormatUint(n, 10) }
