// Guest is what the benchmark measures: the same source, built for Linux and for
// NetBSD. "guest MODE N" does a thing N times and prints the nanoseconds each took.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

var modes = map[string]func(n int) error{
	"clock":   clock,
	"getppid": getppid,
	"read":    readByte,
	"pipe":    pipeRoundTrip,
	"pipe2":   pipeBetween,
	"fork":    forkExitWait,
	"vfork":   vforkExitWait,
	"thread":  thread,
	"spawn":   spawn,
	"zombies": zombies,
}

func main() {
	if len(os.Args) < 3 {
		switch {
		case len(os.Args) == 2 && os.Args[1] == "hello":
			fmt.Println("hello")
		case len(os.Args) == 2 && os.Args[1] == "echo":
			echo()
		}
		return
	}
	n, err := strconv.Atoi(os.Args[2])
	mode := modes[os.Args[1]]
	if err != nil || mode == nil {
		fmt.Fprintln(os.Stderr, "usage: guest MODE N")
		os.Exit(2)
	}
	start := time.Now()
	if err := mode(n); err != nil {
		fmt.Fprintln(os.Stderr, os.Args[1]+":", err)
		os.Exit(1)
	}
	fmt.Println(time.Since(start).Nanoseconds() / int64(n))
}

func clock(n int) error {
	var last time.Time
	for range n {
		last = time.Now()
	}
	if last.IsZero() {
		return fmt.Errorf("the clock says %v", last)
	}
	return nil
}

func getppid(n int) error {
	for range n {
		syscall.Getppid()
	}
	return nil
}

func readByte(n int) error {
	f, err := os.Open("/dev/zero")
	if err != nil {
		return err
	}
	defer f.Close()
	fd := int(f.Fd())
	b := make([]byte, 1)
	for range n {
		if _, err := syscall.Read(fd, b); err != nil {
			return err
		}
	}
	return nil
}

// pipeRoundTrip sends a byte to and fro between two goroutines.
func pipeRoundTrip(n int) error {
	r1, w1, err := os.Pipe()
	if err != nil {
		return err
	}
	r2, w2, err := os.Pipe()
	if err != nil {
		return err
	}
	go func() {
		b := make([]byte, 1)
		for {
			if _, err := r1.Read(b); err != nil {
				return
			}
			w2.Write(b)
		}
	}()
	return pingPong(n, w1, r2)
}

func pingPong(n int, w, r *os.File) error {
	b := make([]byte, 1)
	for range n {
		if _, err := w.Write(b); err != nil {
			return err
		}
		if _, err := r.Read(b); err != nil {
			return err
		}
	}
	return w.Close()
}

// pipeBetween sends a byte to and fro between two processes.
func pipeBetween(n int) error {
	r1, w1, err := os.Pipe()
	if err != nil {
		return err
	}
	r2, w2, err := os.Pipe()
	if err != nil {
		return err
	}
	cmd := self("echo")
	cmd.Stdin, cmd.Stdout = r1, w2
	if err := cmd.Start(); err != nil {
		return err
	}
	r1.Close()
	w2.Close()
	if err := pingPong(n, w1, r2); err != nil {
		return err
	}
	return cmd.Wait()
}

func echo() {
	b := make([]byte, 1)
	for {
		if n, _ := os.Stdin.Read(b); n == 0 {
			return
		}
		os.Stdout.Write(b)
	}
}

func self(args ...string) *exec.Cmd {
	path, err := os.Executable()
	if err != nil {
		path = os.Args[0]
	}
	return exec.Command(path, args...)
}

func spawn(n int) error {
	for range n {
		if err := self().Run(); err != nil {
			return err
		}
	}
	return nil
}

// forkExitWait makes children that do nothing but end.
func forkExitWait(n int) error { return born(n, forkExit) }

func vforkExitWait(n int) error { return born(n, vforkExit) }

func born(n int, birth func() (pid, errno uintptr)) error {
	runtime.LockOSThread()
	for range n {
		pid, errno := birth()
		if errno != 0 {
			return syscall.Errno(errno)
		}
		if err := collect(int(pid)); err != nil {
			return err
		}
	}
	return nil
}

func collect(pid int) error {
	for {
		if _, err := syscall.Wait4(pid, nil, 0, nil); err != syscall.EINTR {
			return err
		}
	}
}

// thread starts and ends operating-system threads: a goroutine that ends while locked
// to its thread takes the thread along.
func thread(n int) error {
	done := make(chan bool)
	for range n {
		go func() {
			runtime.LockOSThread()
			done <- true
		}()
		<-done
	}
	return nil
}

// zombies measures the collecting alone, by pid, of children that have all ended.
func zombies(n int) error {
	pids := make([]int, 0, n)
	for range n {
		pid, errno := forkExit()
		if errno != 0 {
			return syscall.Errno(errno)
		}
		pids = append(pids, int(pid))
	}
	// The last one may still be dying: its end is not what is measured.
	time.Sleep(50 * time.Millisecond)
	start := time.Now()
	for _, pid := range pids {
		if err := collect(pid); err != nil {
			return err
		}
	}
	fmt.Println(time.Since(start).Nanoseconds() / int64(n))
	os.Exit(0)
	return nil
}
