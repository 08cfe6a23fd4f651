package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"toaster/internal/test/attacks"
	"toaster/internal/test/progress"
)

// runner is the campaign's side: it starts kernels and judges how they fare.
type runner struct {
	dir, programs string
	end           time.Time // zero: it does not end by the clock
	interrupted   chan os.Signal
	show          *progress.Line
}

func (r *runner) over() bool {
	select {
	case <-r.interrupted:
		r.end = time.Now()
	default:
	}
	return !r.end.IsZero() && !time.Now().Before(r.end)
}

// kernel is a process that plays rounds.
type kernel struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	lines  chan string // of its output; closed at its end
	errOut *tail
	tmp    string // its TMPDIR
}

// hangTime is how long a kernel may take for a round beyond the round's own limit.
const hangTime = 60 * time.Second

func (r *runner) start(p plan) (*kernel, error) {
	tmp, err := os.MkdirTemp(r.dir, "kernel-")
	if err != nil {
		return nil, err
	}
	root := filepath.Join(tmp, "root")
	if err := os.Mkdir(root, 0o755); err != nil {
		return nil, err
	}
	if err := copyGuest(r.programs, root); err != nil {
		return nil, err
	}
	k := &kernel{errOut: &tail{}, lines: make(chan string), tmp: tmp}
	args := append([]string{"-role", "kernel", "-root", root}, p.flags()...)
	k.cmd = exec.Command("/proc/self/exe", args...)
	k.cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
	k.cmd.Stderr = k.errOut
	if k.in, err = k.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := k.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := k.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(k.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			k.lines <- s.Text()
		}
	}()
	return k, nil
}

// flags are the command line that makes p, without its seed.
func (p plan) flags() []string {
	return []string{
		"-procs", strconv.Itoa(p.procs), "-lwps", strconv.Itoa(p.lwps), "-steps", strconv.Itoa(p.steps),
		"-kinds", strconv.FormatUint(uint64(p.kinds), 10), "-births", strconv.Itoa(p.births), "-round", p.limit.String(),
	}
}

// play has k play one round; wrong is what was found, and then k is gone.
func (k *kernel) play(p plan) (u usage, wrong string) {
	fmt.Fprintln(k.in, p.seed)
	select {
	case line, ok := <-k.lines:
		if !ok {
			return u, "the kernel has ended: " + k.bury()
		}
		if text, bad := strings.CutPrefix(line, "wrong "); bad {
			k.stop()
			return u, text
		}
		fmt.Sscanf(line, "ok %d %d %d %d", &u.goroutines, &u.threads, &u.files, &u.heap)
		return u, ""
	case <-time.After(p.limit + hangTime):
		k.cmd.Process.Signal(syscall.SIGQUIT)
		time.AfterFunc(5*time.Second, func() { k.cmd.Process.Kill() })
		for range k.lines {
		}
		return u, "the kernel hangs: " + k.bury()
	}
}

// bury waits for the end and tells of it.
func (k *kernel) bury() string {
	k.in.Close()
	err := k.cmd.Wait()
	os.RemoveAll(k.tmp)
	return fmt.Sprintf("%v\n%s", err, k.errOut)
}

// stop ends a kernel that waits for its next round.
func (k *kernel) stop() string {
	k.in.Close()
	for range k.lines {
	}
	k.cmd.Wait()
	removeAll(k.tmp)
	return attacks.AwaitNoChildren(10 * time.Second)
}

// tail keeps the beginning and the end of what is written.
type tail struct {
	mu sync.Mutex
	b  []byte
}

const tailMax = 1 << 20

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	if len(t.b) > tailMax {
		t.b = append(bytes.Clone(t.b[:tailMax/4]), t.b[len(t.b)-tailMax/2:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.b)
}
