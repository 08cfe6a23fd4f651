package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"toaster"
	"toaster/internal/test/attacks"
)

// This file is the kernel's side: a process that plays a round for each line of its input,
// and answers with a line. The campaign sees how it ends.

// usage is what a round may not leave more of.
type usage struct {
	goroutines, threads, files int
	heap                       uint64
}

func (u usage) String() string {
	return fmt.Sprintf("%d goroutines, %d threads, %d descriptors, %d KiB", u.goroutines, u.threads, u.files, u.heap>>10)
}

// serveRounds plays the rounds whose seeds it reads; p says all but the seed.
func serveRounds(p plan, root string) {
	debug.SetTraceback("all")
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		f := strings.Fields(in.Text())
		if len(f) != 1 {
			continue
		}
		p.seed, _ = strconv.ParseUint(f[0], 10, 64)
		if wrong := playRound(p, root); wrong != "" {
			fmt.Printf("wrong %s\n", strings.ReplaceAll(wrong, "\n", " "))
			continue
		}
		u := measure()
		fmt.Printf("ok %d %d %d %d\n", u.goroutines, u.threads, u.files, u.heap)
	}
}

// playRound says what is wrong, "" if nothing.
func playRound(p plan, root string) string {
	files, err := os.MkdirTemp(root, "round-")
	if err != nil {
		return err.Error()
	}
	defer removeAll(files)
	if err := copyGuest(root, files); err != nil {
		return err.Error()
	}
	var bugs strings.Builder
	m, err := toaster.New(context.Background(), toaster.Options{
		Root: files, Network: toaster.NetworkNone, MaxProcs: 4*p.procs + 8, MaxLWPs: 16 * (p.procs + 2) * p.lwps,
		Memory: 1 << 30, MaxOutput: 1 << 20, Log: &bugs,
	})
	if err != nil {
		return "the machine does not start: " + err.Error()
	}
	ctx, cancel := context.WithTimeout(context.Background(), p.limit)
	defer cancel()
	c := toaster.CommandContext(ctx, "/fuzz", "/fuzz"[1:])
	c.Machine = m
	c.Args = append([]string{"/fuzz"}, p.args()...)
	if err := c.Start(); err != nil {
		m.Close()
		return "the guest does not start: " + err.Error()
	}
	c.Wait() // in any way
	wrong := inspect(m)
	if err := m.Close(); err != nil && wrong == "" {
		wrong = "Close: " + err.Error()
	}
	if bugs.Len() > 0 {
		return bugs.String()
	}
	if wrong == "" {
		wrong = attacks.AwaitNoChildren(10 * time.Second)
	}
	return wrong
}

// copyGuest gives a round a guest of its own: what it does to the file is its own affair.
func copyGuest(from, to string) error {
	b, err := os.ReadFile(filepath.Join(from, "fuzz"))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(to, "fuzz"), b, 0o755)
}

// args are fuzz.c's.
func (p plan) args() []string {
	return []string{
		strconv.FormatUint(p.seed, 10), strconv.Itoa(p.procs), strconv.Itoa(p.lwps), strconv.Itoa(p.steps),
		strconv.FormatUint(uint64(p.kinds), 10), strconv.Itoa(p.births),
	}
}

// inspect has the kernel check its process tree, while what the guest left still runs.
func inspect(m *toaster.Machine) string {
	for _, err := range m.Kern().Check() {
		return "inconsistent: " + err.Error()
	}
	return ""
}

// measure collects what is free and counts what is left.
func measure() (u usage) {
	runtime.GC()
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	u.heap, u.goroutines = mem.HeapAlloc, runtime.NumGoroutine()
	list, _ := os.ReadDir("/proc/self/task")
	u.threads = len(list)
	list, _ = os.ReadDir("/proc/self/fd")
	u.files = len(list)
	return u
}

// removeAll is os.RemoveAll for a directory in which a guest has changed modes.
func removeAll(dir string) {
	if os.RemoveAll(dir) == nil {
		return
	}
	filepath.WalkDir(dir, func(name string, d os.DirEntry, _ error) error {
		if d != nil && d.IsDir() {
			os.Chmod(name, 0o700)
		}
		return nil
	})
	os.RemoveAll(dir)
}
