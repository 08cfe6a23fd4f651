// Lifecycle shows a process's life as its parent sees it: exit statuses, a signal that
// kills, a zombie that is signalled, a stop and a continue, an orphan that init adopts.
//
//	toaster go run ./examples/lifecycle     as a NetBSD program
//	go run ./examples/lifecycle             as a program of this host
package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) > 1 {
		os.Exit(child(os.Args[1:]))
	}
	fmt.Printf("on %s/%s, process %d, parent %d\n", runtime.GOOS, runtime.GOARCH, os.Getpid(), os.Getppid())
	exitStatus()
	killed()
	zombie()
	stopAndContinue()
	orphan()
}

// child is what this program does when it is started by itself.
func child(args []string) int {
	switch args[0] {
	case "exit":
		return 3
	case "sleep":
		fmt.Println("ready")
		io.Copy(io.Discard, os.Stdin)
	case "orphaner":
		return orphaner()
	case "orphan":
		orphaned(args[1])
	}
	return 0
}

func self(args ...string) *exec.Cmd {
	path, err := os.Executable()
	check(err)
	cmd := exec.Command(path, args...)
	cmd.Stderr = os.Stderr
	return cmd
}

func exitStatus() {
	err := self("exit").Run()
	fmt.Printf("a child that exits with 3:        %v\n", err)
}

// sleeper starts a child that has said that it runs.
func sleeper() (*exec.Cmd, io.Closer) {
	cmd := self("sleep")
	in, err := cmd.StdinPipe()
	check(err)
	out, err := cmd.StdoutPipe()
	check(err)
	check(cmd.Start())
	_, err = out.Read(make([]byte, 6))
	check(err)
	return cmd, in
}

func killed() {
	cmd, _ := sleeper()
	check(cmd.Process.Signal(syscall.SIGTERM))
	fmt.Printf("a child that SIGTERM kills:       %v\n", cmd.Wait())
}

// zombie kills a child and, before it collects it, signals what is left.
func zombie() {
	cmd, in := sleeper()
	pid := cmd.Process.Pid
	sigchld := make(chan os.Signal, 1)
	signal.Notify(sigchld, syscall.SIGCHLD)
	in.Close()
	<-sigchld // it is a zombie by the time its parent is told
	signal.Stop(sigchld)
	err := syscall.Kill(pid, syscall.SIGKILL)
	fmt.Printf("kill(2) of a zombie:              %v\n", errText(err))
	fmt.Printf("and its status is still:          %v\n", errText(cmd.Wait()))
	fmt.Printf("kill(2) once it is collected:     %v\n", errText(syscall.Kill(pid, 0)))
}

func stopAndContinue() {
	cmd, in := sleeper()
	pid := cmd.Process.Pid
	var ws syscall.WaitStatus
	check(syscall.Kill(pid, syscall.SIGSTOP))
	_, err := syscall.Wait4(pid, &ws, syscall.WUNTRACED, nil)
	check(err)
	// The raw status: 0x7f for a stop, and above it SIGSTOP, which is 17 (0x11) on NetBSD
	// and 19 (0x13) on Linux. Go's WaitStatus for NetBSD takes it for a continuation.
	fmt.Printf("a child that is stopped:          status %#x\n", uint32(ws))
	check(syscall.Kill(pid, syscall.SIGCONT))
	in.Close()
	fmt.Printf("continued, it ends:               %v\n", errText(cmd.Wait()))
}

// orphan starts a child that starts a grandchild and dies.
func orphan() {
	cmd := self("orphaner")
	out, err := cmd.Output()
	check(err)
	fmt.Printf("a grandchild whose parent died:   %s\n", strings.TrimSpace(string(out)))
}

func orphaner() int {
	cmd := self("orphan", strconv.Itoa(os.Getpid()))
	in, w, err := os.Pipe()
	check(err)
	cmd.Stdin, cmd.Stdout = in, os.Stdout
	check(cmd.Start())
	_ = w // closes when this process ends, which tells the orphan
	return 0
}

func orphaned(parent string) {
	io.Copy(io.Discard, os.Stdin)
	for strconv.Itoa(os.Getppid()) == parent {
		time.Sleep(time.Millisecond)
	}
	fmt.Printf("adopted by process %d\n", os.Getppid())
}

func errText(err error) string {
	if err == nil {
		return "ok"
	}
	return err.Error()
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "lifecycle:", err)
		os.Exit(1)
	}
}
