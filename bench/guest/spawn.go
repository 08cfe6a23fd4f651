package main

import (
	"runtime"
	"syscall"
	"time"
)

func spawn(_ *watch, n int, _ string) error {
	for range n {
		if err := self().Run(); err != nil {
			return err
		}
	}
	return nil
}

// forkExitWait makes children that do nothing but end.
func forkExitWait(_ *watch, n int, _ string) error { return born(n, forkExit) }

func vforkExitWait(_ *watch, n int, _ string) error { return born(n, vforkExit) }

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
func thread(_ *watch, n int, _ string) error {
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
func zombies(w *watch, n int, _ string) error {
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
	w.restart()
	for _, pid := range pids {
		if err := collect(pid); err != nil {
			return err
		}
	}
	return nil
}
