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
	functions()
	if err := programs(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// functions has a Go function exit and its parent wait for it, as README shows.
func functions() {
	done := make(chan int, 1)
	m := kern.New(kern.Config{})
	defer m.Close()
	m.Spawn(kern.SpawnArgs{Body: func(l *kern.LWP) {
		l.Fork(kern.ForkArgs{Body: func(l *kern.LWP) { l.Exit(7) }})
		r, _ := l.Wait(-1, 0)
		done <- r.Status.ExitCode() // 7
	}})
	fmt.Println("kern: status", <-done)
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
