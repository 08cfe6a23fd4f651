package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// memoryRows are the rows of memory. What is weighed is all processes of a program together,
// each page divided by the number of processes that have it (Pss of proc_pid_smaps_rollup(5)), and
// for toaster also the resident set of its own process, where the kernel keeps what it knows of guests.
func memoryRows() []row {
	many := thousands(sleepers)
	list := []row{
		{name: "mem/hello", about: "memory: hello", measure: weighOne(together)},
		{name: "mem/hello-own", about: "memory: hello, toaster's own process", measure: weighOne(own)},
		{name: "mem/forked", about: "memory: one of " + many + " asleep, by fork", measure: weighMany(together, "sleepers")},
		{name: "mem/forked-own", about: "memory: of that, toaster's own process", measure: weighMany(own, "sleepers")},
		{name: "mem/program", about: "memory: one of " + many + " asleep, a Go program", measure: weighMany(together, "programs")},
		{name: "mem/program-own", about: "memory: of that, toaster's own process", measure: weighMany(own, "programs")},
	}
	for i := range list {
		list[i].unit, list[i].scale = inBytes, true
		if strings.HasSuffix(list[i].name, "-own") {
			list[i].of = toaster
		}
	}
	return list
}

// sleepers is how many processes sleep in the rows of many.
const sleepers = 1000

// A scale weighs the processes of a program, whose first one is pid, in bytes.
type scale func(pid int) (float64, error)

type measurement = func(ctx context.Context, s *system) (float64, error)

// weighOne weighs a program that has said hello and is still there.
func weighOne(with scale) measurement {
	return func(ctx context.Context, s *system) (float64, error) {
		return weigh(ctx, s, with, "stay")
	}
}

// weighMany weighs sleepers children of a program, without the program itself. The figure is of one.
func weighMany(with scale, mode string) measurement {
	return func(ctx context.Context, s *system) (float64, error) {
		empty, err := weigh(ctx, s, with, "stay")
		if err != nil {
			return 0, err
		}
		full, err := weigh(ctx, s, with, mode, strconv.Itoa(sleepers))
		return (full - empty) / sleepers, err
	}
}

// weigh starts the guest, which says when it is ready and ends with its input.
func weigh(ctx context.Context, s *system, with scale, args ...string) (float64, error) {
	cmd := s.command(ctx, s.exe, args...)
	var words bytes.Buffer
	cmd.Stderr = &words
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return 0, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	var bytes float64
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if line == "ready\n" {
		bytes, err = with(cmd.Process.Pid)
	}
	stdin.Close()
	if werr := cmd.Wait(); werr != nil && line != "ready\n" {
		err = withWords(werr, words.String())
	}
	return bytes, err
}

// own is what toaster's own process has in memory.
func own(pid int) (float64, error) {
	return field(fmt.Sprintf("/proc/%d/status", pid), "VmRSS")
}

// together is the memory of a process and of all that descend from it.
func together(pid int) (float64, error) {
	children, err := family()
	if err != nil {
		return 0, err
	}
	total := 0.0
	for todo := []int{pid}; len(todo) > 0; todo = todo[1:] {
		pss, err := field(fmt.Sprintf("/proc/%d/smaps_rollup", todo[0]), "Pss")
		switch {
		case errors.Is(err, os.ErrPermission):
			return 0, unavailable("only root may weigh processes that hide their memory")
		case err != nil && todo[0] == pid:
			return 0, err
		}
		total += pss
		todo = append(todo, children[todo[0]]...)
	}
	return total, nil
}

// family returns the children of every process of the host.
func family() (map[int][]int, error) {
	names, err := filepath.Glob("/proc/[0-9]*/stat")
	children := map[int][]int{}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		pid, parent, ok := parentOf(string(b))
		if ok {
			children[parent] = append(children[parent], pid)
		}
	}
	return children, err
}

// parentOf reads /proc/PID/stat. The name in it is in parentheses, and may have some itself.
func parentOf(stat string) (pid, parent int, ok bool) {
	open, end := strings.Index(stat, " ("), strings.LastIndex(stat, ") ")
	if open < 0 || end < open {
		return 0, 0, false
	}
	pid, err := strconv.Atoi(stat[:open])
	rest := strings.Fields(stat[end+2:])
	if err != nil || len(rest) < 2 {
		return 0, 0, false
	}
	parent, err = strconv.Atoi(rest[1])
	return pid, parent, err == nil
}

// field returns a size from one of proc's files, whose lines are "Name:  123 kB".
func field(file, name string) (float64, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == name+":" && f[2] == "kB" {
			n, err := strconv.ParseFloat(f[1], 64)
			return n * 1024, err
		}
	}
	return 0, fmt.Errorf("%s has no %s", file, name)
}
