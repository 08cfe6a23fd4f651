// Bench prints one table: what things cost in a NetBSD program under toaster, beside
// the same source built for Linux and run natively, and under gVisor's runsc where that
// is on PATH. One line is for a program of others, esbuild, which npm fetches; without
// it, the table does without that line.
//
//	go run ./bench [-rounds N] [-only MODE]
//
// The systems take turns within each round, and each figure is the least of all rounds:
// a busy machine makes things slower, never faster.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// job is one line of the table.
type job struct {
	mode   string
	about  string
	n      int
	target float64 // ratio to native that is aimed at; 0 for none
}

var jobs = []job{
	{"clock", "clock_gettime", 50000, 0},
	{"getppid", "getppid", 50000, 0},
	{"read", "read of 1 byte", 30000, 0},
	{"pipe", "pipe round trip, two goroutines", 3000, 0},
	{"pipe2", "pipe round trip, two processes", 3000, 0},
	{"fork", "fork + exit + wait", 300, 3},
	{"vfork", "vfork + exit + wait", 300, 0},
	{"thread", "LWP create + end", 500, 0},
	{"spawn", "os/exec spawn + wait", 60, 2},
	{"zombies", "reap one of 2,000 zombies by pid", 2000, 0},
	{"hello", "hello, start to end", 20, 0},
	{"bundle", "esbuild bundles react-dom", 5, 1.3},
}

// runner is one of the systems that are compared.
type runner struct {
	name    string
	goos    string   // the system that its programs are built for
	argv    []string // what stands in front of the program
	exe     string
	esbuild string
	app     string // the directory that esbuild works in
	best    map[string]time.Duration
}

func main() {
	rounds := flag.Int("rounds", 3, "how often each measurement is repeated")
	only := flag.String("only", "", "measure this `mode` alone")
	flag.Parse()
	if err := bench(*rounds, *only); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func bench(rounds int, only string) error {
	dir, err := os.MkdirTemp("", "toaster-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	runners, err := prepare(dir)
	if err != nil {
		return err
	}
	list := choose(dir, runners, only)
	for round := range rounds {
		for _, j := range list {
			progress("round %d of %d: %s", round+1, rounds, j.about)
			for _, r := range runners {
				if err := r.measure(j); err != nil {
					return err
				}
			}
		}
	}
	progress("")
	print(runners, list)
	return nil
}

// choose returns the jobs that are asked for and that this machine can do.
func choose(dir string, runners []*runner, only string) []job {
	var list []job
	for _, j := range jobs {
		if only != "" && j.mode != only {
			continue
		}
		if j.mode == "bundle" {
			if err := prepareBundle(dir, runners); err != nil {
				progress("")
				reason, _, _ := strings.Cut(err.Error(), "\n")
				fmt.Fprintln(os.Stderr, "bench: no esbuild:", reason)
				continue
			}
		}
		list = append(list, j)
	}
	return list
}

// progress shows what is being done on a terminal, and nothing in a pipe.
func progress(format string, args ...any) {
	st, err := os.Stderr.Stat()
	if err == nil && st.Mode()&os.ModeCharDevice != 0 {
		fmt.Fprintf(os.Stderr, "\r\x1b[K"+format, args...)
	}
}

// prepare builds toaster and the guest for both systems.
func prepare(dir string) ([]*runner, error) {
	toaster := filepath.Join(dir, "toaster")
	native := filepath.Join(dir, "guest-linux")
	netbsd := filepath.Join(dir, "guest-netbsd")
	for _, b := range []struct{ out, goos, pkg string }{
		{toaster, "linux", "toaster/cmd/toaster"},
		{native, "linux", "toaster/bench/guest"},
		{netbsd, "netbsd", "toaster/bench/guest"},
	} {
		progress("building %s", filepath.Base(b.out))
		cmd := exec.Command("go", "build", "-buildvcs=false", "-o", b.out, b.pkg)
		cmd.Env = append(os.Environ(), "GOOS="+b.goos, "GOARCH=amd64", "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("go build %s: %w\n%s", b.pkg, err, out)
		}
	}
	list := []*runner{
		{name: "native", goos: "linux", exe: native},
		{name: "toaster", goos: "netbsd", argv: []string{toaster, "run"}, exe: netbsd},
	}
	if runsc, err := exec.LookPath("runsc"); err == nil {
		list = append(list, &runner{
			name: "gVisor", goos: "linux", exe: native,
			argv: []string{runsc, "--rootless", "--network=none", "do"},
		})
	}
	for _, r := range list {
		r.best = make(map[string]time.Duration)
	}
	return list, nil
}

// measure runs one job and keeps the time if it is the best yet.
func (r *runner) measure(j job) error {
	var d time.Duration
	var err error
	switch j.mode {
	case "hello":
		d, err = r.hello(j.n)
	case "bundle":
		d, err = r.bundle(j.n)
	default:
		d, err = r.inside(j)
	}
	if err != nil {
		return fmt.Errorf("%s under %s: %w", j.mode, r.name, err)
	}
	if old, ok := r.best[j.mode]; !ok || d < old {
		r.best[j.mode] = d
	}
	return nil
}

func (r *runner) command(exe string, args ...string) *exec.Cmd {
	argv := append(append([]string{}, r.argv...), exe)
	argv = append(argv, args...)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stderr = os.Stderr
	return cmd
}

// inside lets the guest measure itself.
func (r *runner) inside(j job) (time.Duration, error) {
	out, err := r.command(r.exe, j.mode, strconv.Itoa(j.n)).Output()
	if err != nil {
		return 0, err
	}
	ns, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	return time.Duration(ns), err
}

// hello measures a whole program from outside.
func (r *runner) hello(n int) (time.Duration, error) {
	return least(n, func() error { return r.command(r.exe, "hello").Run() })
}

// least times n runs; the least counts.
func least(n int, run func() error) (time.Duration, error) {
	best := time.Duration(1<<63 - 1)
	for range n {
		start := time.Now()
		if err := run(); err != nil {
			return 0, err
		}
		best = min(best, time.Since(start))
	}
	return best, nil
}

func print(runners []*runner, list []job) {
	fmt.Printf("%-34s", "")
	for i, r := range runners {
		fmt.Printf("%12s", r.name)
		if i > 0 {
			fmt.Printf("%8s", "ratio")
		}
	}
	fmt.Printf("%8s\n", "aim")
	for _, j := range list {
		fmt.Printf("%-34s", j.about)
		native := runners[0].best[j.mode]
		for i, r := range runners {
			d := r.best[j.mode]
			fmt.Printf("%12s", short(d))
			if i > 0 {
				fmt.Printf("%7.2fx", float64(d)/float64(max(native, 1)))
			}
		}
		if j.target > 0 {
			fmt.Printf("%7.2fx", j.target)
		}
		fmt.Println()
	}
}

// short prints a time with three digits.
func short(d time.Duration) string {
	switch {
	case d < 10*time.Microsecond:
		return fmt.Sprintf("%.2fµs", float64(d)/1e3)
	case d < time.Millisecond:
		return fmt.Sprintf("%.0fµs", float64(d)/1e3)
	}
	return fmt.Sprintf("%.2fms", float64(d)/1e6)
}
