package machine

import (
	"bufio"
	"io"
	"os"
	"sync"
	"syscall"
	"testing"

	"toaster/internal/platform/outside"
	"toaster/netbsd"
)

// startShell starts a script of the host, in a group of its own or in this program's. The output
// ends with the last process that has it.
func startShell(t *testing.T, own bool, script string) (pid int, out *bufio.Reader) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	t.Cleanup(func() { r.Close() })
	pid, err = syscall.ForkExec("/bin/sh", []string{"sh", "-c", script}, &syscall.ProcAttr{
		Files: []uintptr{^uintptr(0), w.Fd()}, Sys: &syscall.SysProcAttr{Setpgid: own},
	})
	if err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(r).ReadString('\n'); line != "ready\n" {
		t.Fatalf("%q, %v", line, err)
	}
	return pid, bufio.NewReader(r)
}

// A program that stays in toaster's group gets signals for its group with its descendants, and
// nobody else does.
func TestSharedGroup(t *testing.T) {
	play(t, func(x *script) {
		pid, out := startShell(t, false, "/bin/sh -c 'sleep 1000 & sleep 1000 & echo ready; wait' & wait")
		other, otherOut := startShell(t, false, "echo ready; exec sleep 1000")
		w := &hostWaiter{sys: &System{}, l: x.l, pid: pid}
		gs := new(hostGroups)
		w.group.Store(gs.add(x.l.Proc().Pgrp(), &hostGroup{shared: true}))
		w.group.Load().join(w)
		w.group.Load().Signal(netbsd.SIGTERM)
		if b, err := io.ReadAll(out); err != nil || len(b) > 0 {
			t.Errorf("%q, %v", b, err)
		}
		w.collect()
		if !w.status.Signaled() || w.status.Signal() != syscall.SIGTERM {
			t.Errorf("status %v", w.status)
		}
		if w.group.Load().Left() || len(gs.all) > 0 {
			t.Errorf("there is a group left: %v", gs.all)
		}
		if err := syscall.Kill(other, 0); err != nil {
			t.Error(err)
		}
		syscall.Kill(other, syscall.SIGKILL)
		io.ReadAll(otherOut)
		syscall.Wait4(other, nil, 0, nil)
	})
}

// A group is alive as long as it has a member, and only those that were there count: once they
// are gone its number is somebody else's.
func TestGroupIsAlive(t *testing.T) {
	play(t, func(x *script) {
		pid, out := startShell(t, true, "sleep 1000 & echo ready")
		w := &hostWaiter{sys: &System{}, l: x.l, pid: pid}
		gs := new(hostGroups)
		w.group.Store(gs.add(x.l.Proc().Pgrp(), &hostGroup{}))
		w.group.Load().join(w)
		w.collect()
		if w.group.Load().pgid != pid || !w.group.Load().alive() || !w.group.Load().Left() {
			t.Errorf("%+v", w.group.Load())
		}
		was := w.group.Load().left
		w.group.Load().left = map[int]string{pid: "0"}
		if w.group.Load().alive() {
			t.Error("members that nobody knew")
		}
		w.group.Load().left = was
		w.group.Load().Signal(netbsd.SIGTERM)
		io.ReadAll(out)
		for w.group.Load().alive() {
		}
	})
}

// A program is started while the group of another one, whose last member has gone, is signalled and forgotten.
func TestStartBesideSignal(t *testing.T) {
	play(t, func(x *script) {
		gs := &x.sys.groups
		gs.m, gs.tried = x.sys.M, true // no watch
		x.sys.hosts.outside = outside.New(outside.Options{Off: true})
		defer x.sys.hosts.outside.Stop()
		var wg sync.WaitGroup
		wg.Go(func() {
			g := &hostGroup{of: gs, k: x.l.Proc().Pgrp(), pgid: 1 << 30} // above pid_max(5)
			g.lonely.Store(true)
			g.Signal(netbsd.SIGTERM)
		})
		wg.Go(func() {
			if gs.start(&hostWaiter{sys: x.sys, l: x.l}, &hostProgram{path: "/"}) == nil {
				t.Error("a directory was started")
			}
		})
		wg.Wait()
	})
}

// A group that a program of the host has made itself, and that a process of the machine's is in, ends with toaster as others do. Once
// it has no members it is not watched any more, as its number can be another one's: that is seen at the latest when there is a new group.
func TestMadeGroupIsWatched(t *testing.T) {
	play(t, func(x *script) {
		gs, k := &x.sys.groups, x.l.Proc().Pgrp()
		if gs.beWatched(); gs.watch.Load() == nil {
			t.Fatal("no watch")
		}
		sess := &hostSession{groups: make(map[int]*hostGroup)}
		made := func(script string) (*hostGroup, int, *bufio.Reader) {
			pid, out := startShell(t, true, script)
			return gs.made(sess, k, &outside.Status{Pid: pid, Group: pid}), pid, out
		}
		_, stays, out := made("sleep 1000 & echo ready; wait")
		gone, pid, _ := made("echo ready; exec sleep 1000")
		syscall.Kill(pid, syscall.SIGKILL)
		syscall.Wait4(pid, nil, 0, nil)
		gs.add(nil, &hostGroup{})
		if gone.watched || sess.groups[pid] != nil {
			t.Error("a group without members is watched")
		}
		gs.watch.Load().Close()
		io.ReadAll(out)
		syscall.Wait4(stays, nil, 0, nil)
	})
}
