// A program of another module: it runs a Go function as a process of kern, and a NetBSD
// executable, whose path is its argument, on a machine.
package main

import (
	"context"
	"fmt"
	"os"

	"toaster"
	"toaster/kern"
	"toaster/netbsd"
)

func main() {
	if err := functions(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := programs(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// functions has a Go function exit and its parent wait for it.
func functions() error {
	m := kern.New(kern.Config{})
	defer m.Close()
	done := make(chan string, 1)
	_, errno := m.Spawn(kern.SpawnArgs{Body: func(l *kern.LWP) {
		l.Fork(kern.ForkArgs{Body: func(l *kern.LWP) { l.Exit(7) }})
		r, errno := l.Wait(-1, 0)
		done <- fmt.Sprintf("kern: status %d, errno %d", r.Status.ExitCode(), errno)
	}})
	if errno != 0 {
		return errno
	}
	fmt.Println(<-done)
	return nil
}

// programs runs a program on a machine that ends with it.
func programs(path string) error {
	m, err := toaster.New(context.Background(), toaster.Options{})
	if err != nil {
		return err
	}
	defer m.Close()
	out, err := m.Command(path).CombinedOutput()
	fmt.Printf("toaster: %s", out)
	if err == nil || err.(*toaster.ExitError).Status() != netbsd.ExitStatus(3, 0) {
		return fmt.Errorf("%v, want exit status 3", err)
	}
	return nil
}
