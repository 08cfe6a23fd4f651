package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
)

// This file has the modes of -scale: n things are done by as many at once as the argument says.

// spawnsAtOnce runs n programs, k at a time.
func spawnsAtOnce(_ *watch, n int, arg string) error {
	k, err := strconv.Atoi(arg)
	if err != nil {
		return err
	}
	return atOnce(k, func(int) error {
		for range n / k {
			if err := self().Run(); err != nil {
				return err
			}
		}
		return nil
	})
}

// pairsAtOnce makes n round trips, among k children at once.
func pairsAtOnce(w *watch, n int, arg string) error {
	k, err := strconv.Atoi(arg)
	if err != nil {
		return err
	}
	pairs := make([]*pair, k)
	for i := range pairs {
		if pairs[i], err = startEcho(); err != nil {
			return err
		}
		// The first answer says that the child is there.
		if err := pingPong(1, pairs[i].w, pairs[i].r); err != nil {
			return err
		}
	}
	w.restart()
	err = atOnce(k, func(i int) error { return pingPong(n/k, pairs[i].w, pairs[i].r) })
	w.stop()
	return endAll(pairs, err)
}

// serversAtOnce makes n requests, to k children at once.
func serversAtOnce(w *watch, n int, arg string) error {
	k, err := strconv.Atoi(arg)
	if err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{}}
	servers := make([]*server, k)
	for i := range servers {
		if servers[i], err = startServer(); err != nil {
			return err
		}
		if err := get(client, servers[i].url, 1); err != nil {
			return err
		}
	}
	w.restart()
	err = atOnce(k, func(i int) error { return get(client, servers[i].url, n/k) })
	w.stop()
	return endAll(servers, err)
}

// endAll ends children, and returns the first error there was.
func endAll[C interface{ end() error }](children []C, err error) error {
	for _, c := range children {
		if e := c.end(); err == nil {
			err = e
		}
	}
	return err
}

// openFiles opens, reads and closes n files, k of which are open at once.
func openFiles(w *watch, n int, arg string) error {
	k, err := strconv.Atoi(arg)
	if err != nil {
		return err
	}
	if err := allowFiles(k); err != nil {
		return err
	}
	return scratch(w, func(dir string) error {
		name := filepath.Join(dir, "f")
		if err := os.WriteFile(name, []byte("hello"), 0o644); err != nil {
			return err
		}
		w.restart()
		for range n / k {
			if err := openAtOnce(name, k); err != nil {
				return err
			}
		}
		return nil
	})
}

// allowFiles raises the limit of open files, if that is needed.
func allowFiles(k int) error {
	var lim syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim); err != nil {
		return err
	}
	need := uint64(k) + 64 // what the program has open anyway
	if uint64(lim.Cur) >= need {
		return nil
	}
	most := lim.Max
	lim.Cur, lim.Max = need, max(lim.Max, need)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &lim); err != nil {
		return fmt.Errorf("no more than %d open files are allowed here", most)
	}
	return nil
}

func openAtOnce(name string, k int) error {
	fds := make([]int, 0, k)
	b := make([]byte, 1)
	for range k {
		fd, err := syscall.Open(name, syscall.O_RDONLY, 0)
		if err != nil {
			return fmt.Errorf("open number %d: %w", len(fds)+1, err)
		}
		fds = append(fds, fd)
	}
	for _, fd := range fds {
		if _, err := syscall.Read(fd, b); err != nil {
			return err
		}
		if err := syscall.Close(fd); err != nil {
			return err
		}
	}
	return nil
}

// lwpsAtOnce starts and ends n LWPs, k of which are there at once.
func lwpsAtOnce(_ *watch, n int, arg string) error {
	k, err := strconv.Atoi(arg)
	if err != nil {
		return err
	}
	for range n / k {
		var started, ended sync.WaitGroup
		end := make(chan bool)
		started.Add(k)
		for range k {
			ended.Go(func() {
				runtime.LockOSThread() // and ends with its thread
				started.Done()
				<-end
			})
		}
		started.Wait()
		close(end)
		ended.Wait()
	}
	return nil
}

// wakeLWPs wakes one of k sleeping LWPs, and waits for its answer, n times in turn.
func wakeLWPs(w *watch, n int, arg string) error {
	k, err := strconv.Atoi(arg)
	if err != nil {
		return err
	}
	answer := make(chan bool)
	wake := make([]chan bool, k)
	for i := range wake {
		wake[i] = make(chan bool)
		go func() {
			runtime.LockOSThread()
			answer <- true
			for range wake[i] {
				answer <- true
			}
		}()
		<-answer
	}
	w.restart()
	for i := range n {
		wake[i%k] <- true
		<-answer
	}
	return nil
}

// ready tells the benchmark that what it wants to weigh is there.
func ready() { fmt.Println("ready") }

// stay is a program that has said hello and is still there.
func stay() error {
	ready()
	untilEOF()
	return nil
}

// sleepers are n children by fork, of one LWP each. They sleep in a read of standard input.
func sleepers(n int) error {
	for range n {
		if _, errno := forkRead(); errno != 0 {
			return syscall.Errno(errno)
		}
	}
	return stay()
}

// programs are n Go programs. They sleep in a read of standard input.
func programs(n int) error {
	for range n {
		cmd := self("echo")
		cmd.Stdin = os.Stdin
		if err := cmd.Start(); err != nil {
			return err
		}
	}
	return stay()
}
