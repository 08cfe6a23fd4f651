package tty

import (
	"testing"
	"testing/synctest"

	"toaster/internal/file"
	"toaster/kern"
	"toaster/netbsd"
)

// own makes s the caller's controlling terminal.
func own(t *testing.T, l *kern.LWP, s side) {
	if errno := s.d.File.Ioctl(file.Call{L: l}, netbsd.TIOCSCTTY, make([]byte, 8)); errno != 0 {
		t.Errorf("TIOCSCTTY: %v", errno)
	}
}

func setForeground(t *testing.T, l *kern.LWP, s side, pgid int) {
	b := make([]byte, 4)
	le.PutUint32(b, uint32(pgid))
	if errno := s.d.File.Ioctl(file.Call{L: l}, netbsd.TIOCSPGRP, b); errno != 0 {
		t.Errorf("TIOCSPGRP %d: %v", pgid, errno)
	}
}

// inGroup forks a child that leads a group of its own, and says so by the channel.
func inGroup(t *testing.T, l *kern.LWP, body func(*kern.LWP)) *kern.Proc {
	p := fork(t, l, body)
	if errno := l.Setpgid(p.Pid(), p.Pid()); errno != 0 {
		t.Error(errno)
	}
	return p
}

// Ctrl-C, Ctrl-\ and Ctrl-Z reach the foreground group and nobody else.
func TestSignalsFromKeyboard(t *testing.T) {
	for typed, want := range map[string]netbsd.Signal{"\x03": netbsd.SIGINT, "\x1c": netbsd.SIGQUIT} {
		each(t, func(t *testing.T, d *Driver) {
			ctl, term := open(t, d)
			var front, back *kern.Proc
			leader := guest(t, d, func(l *kern.LWP) {
				own(t, l, term)
				front, back = inGroup(t, l, pause), inGroup(t, l, pause)
				setForeground(t, l, term, front.Pid())
				pause(l)
			})
			synctest.Wait()
			ctl.write(typed)
			if w := front.Wait(); w.TermSignal() != want {
				t.Errorf("%q: the foreground ended with %#x, want %v", typed, int(w), want)
			}
			synctest.Wait()
			for _, p := range []*kern.Proc{leader, back} {
				if _, dead := p.Status(); dead {
					t.Errorf("%q reached process %d, which is not in the foreground", typed, p.Pid())
				}
			}
		})
	}
}

func TestSuspendAndContinue(t *testing.T) {
	each(t, func(t *testing.T, d *Driver) {
		ctl, term := open(t, d)
		var stops, front int
		leader := guest(t, d, func(l *kern.LWP) {
			own(t, l, term)
			p := inGroup(t, l, func(l *kern.LWP) {
				b := make([]byte, 16)
				n, errno := term.d.File.Read(file.Call{L: l}, b)
				if errno != 0 || string(b[:n]) != "on\n" {
					t.Errorf("read %q, %v after the stop", b[:n], errno)
				}
				l.Exit(0)
			})
			front = p.Pid()
			setForeground(t, l, term, front)
			for {
				r, errno := l.Wait(front, netbsd.WUNTRACED)
				if errno != 0 || !r.Status.Stopped() {
					break
				}
				stops++
				l.Kill(-front, netbsd.SIGCONT)
			}
			l.Exit(0)
		})
		synctest.Wait()
		ctl.write("\x1a")
		synctest.Wait()
		if stops != 1 {
			t.Fatalf("%d stops after ^Z", stops)
		}
		ctl.write("on\n")
		synctest.Wait()
		if got := ctl.read(); got != "^Zon\r\n" { // the leader's exit waits for it
			t.Errorf("screen %q", got)
		}
		leader.Wait()
	})
}

// The death of a session's leader (items 17 to 27): SIGHUP to the foreground group,
// output drained, the terminal revoked for all, the session without leader.
func TestExit_17_LeaderHangsUpItsTerminal(t *testing.T) {
	each(t, func(t *testing.T, d *Driver) {
		ctl, term := open(t, d)
		var front, back *kern.Proc
		var read, write, ioctl netbsd.Errno
		var got int
		leader := guest(t, d, func(l *kern.LWP) {
			own(t, l, term)
			front = inGroup(t, l, pause)
			back = inGroup(t, l, func(l *kern.LWP) {
				l.Sigaction(netbsd.SIGUSR1, &kern.Action{Func: func(*kern.LWP, *netbsd.Siginfo) {}})
				l.Sleep(true, noDeadline)
				got, read = term.d.File.Read(file.Call{L: l}, make([]byte, 8))
				_, write = term.d.File.Write(file.Call{L: l}, []byte("x"))
				ioctl = term.d.File.Ioctl(file.Call{L: l}, netbsd.TIOCGETA, make([]byte, netbsd.SizeofTermios))
				l.Exit(3)
			})
			setForeground(t, l, term, front.Pid())
			term.d.File.Write(file.Call{L: l}, []byte("last words"))
			l.Exit(0)
		})
		synctest.Wait()
		// 17: the signal comes before the drain, which still waits here (19).
		if w, dead := front.Status(); !dead || w.TermSignal() != netbsd.SIGHUP {
			t.Errorf("the foreground group: dead %t, status %#x; want SIGHUP", dead, int(w))
		}
		if _, dead := leader.Status(); dead {
			t.Error("the leader is dead before its output was read")
		}
		if term.pair().k.Session() != nil { // 18
			t.Error("the terminal has a session while it drains")
		}
		if got := ctl.read(); got != "last words" {
			t.Errorf("read %q of the output", got)
		}
		leader.Wait()
		back.Kill(netbsd.SIGUSR1)
		if w := back.Wait(); w.ExitCode() != 3 {
			t.Errorf("the background's status is %#x", int(w))
		}
		if got != 0 || read != 0 || write != netbsd.EIO || ioctl != netbsd.EBADF { // 21
			t.Errorf("on the revoked terminal: read %d, %v; write %v; ioctl %v", got, read, write, ioctl)
		}
		if got := ctl.read(); got != "" {
			t.Errorf("the controller read %q", got)
		}
	})
}

// Items 19 and 20: the controller goes while the leader drains; the exit goes on.
func TestExit_19_DrainEndsWithTheController(t *testing.T) {
	each(t, func(t *testing.T, d *Driver) {
		ctl, term := open(t, d)
		leader := guest(t, d, func(l *kern.LWP) {
			own(t, l, term)
			term.d.File.Write(file.Call{L: l}, []byte("unread"))
			l.Exit(4)
		})
		synctest.Wait()
		if _, dead := leader.Status(); dead {
			t.Fatal("the leader did not wait for its output")
		}
		ctl.d.Release()
		if w := leader.Wait(); w.ExitCode() != 4 {
			t.Errorf("status %#x", int(w))
		}
	})
}

// Item 22: a terminal of another session is left alone.
func TestExit_22_AnothersTerminal(t *testing.T) {
	each(t, func(t *testing.T, d *Driver) {
		ctl, term := open(t, d)
		owner := guest(t, d, func(l *kern.LWP) {
			own(t, l, term)
			pause(l)
		})
		synctest.Wait()
		other := guest(t, d, func(l *kern.LWP) {
			if errno := term.d.File.Ioctl(file.Call{L: l}, netbsd.TIOCSCTTY, make([]byte, 8)); errno != netbsd.EPERM {
				t.Errorf("TIOCSCTTY of another session's terminal: %v", errno)
			}
			term.d.File.Write(file.Call{L: l}, []byte("passing by"))
			l.Exit(0)
		})
		other.Wait()
		if got := ctl.read(); got != "passing by" {
			t.Errorf("read %q", got)
		}
		if _, dead := owner.Status(); dead || term.pair().k.Session() == nil {
			t.Error("the other session's end hurt the owner")
		}
		term.write("still mine")
	})
}

// Items 26 and 27: a leader dies, and the group with a stopped member that it leaves
// gets SIGHUP and SIGCONT; the leader's own SIGHUP to the foreground came first.
func TestExit_27_OrphanedGroupIsContinued(t *testing.T) {
	each(t, func(t *testing.T, d *Driver) {
		_, term := open(t, d)
		var order []netbsd.Signal
		handler := func(_ *kern.LWP, i *netbsd.Siginfo) { order = append(order, i.Signo) }
		var stopped *kern.Proc
		leader := guest(t, d, func(l *kern.LWP) {
			own(t, l, term)
			stopped = inGroup(t, l, func(l *kern.LWP) {
				l.Sigaction(netbsd.SIGHUP, &kern.Action{Func: handler})
				l.Sigaction(netbsd.SIGCONT, &kern.Action{Func: handler})
				l.Proc().Kill(netbsd.SIGTTIN)
				l.Sleep(true, noDeadline)
				l.Sleep(true, noDeadline)
				l.Exit(len(order))
			})
			l.Wait(stopped.Pid(), netbsd.WUNTRACED)
			l.Exit(0)
		})
		leader.Wait()
		synctest.Wait()
		var hup, cont int
		for _, s := range order {
			switch s {
			case netbsd.SIGHUP:
				hup++
			case netbsd.SIGCONT:
				cont++
			}
		}
		if hup != 1 || cont != 1 {
			t.Errorf("the orphan got %v", order)
		}
		stopped.Kill(netbsd.SIGKILL)
	})
}

// Reading in the background: SIGTTIN stops the group; with the signal ignored, or in
// an orphaned group, it is EIO.
func TestBackgroundRead(t *testing.T) {
	each(t, func(t *testing.T, d *Driver) {
		ctl, term := open(t, d)
		reader := func(l *kern.LWP) {
			b := make([]byte, 8)
			n, errno := term.d.File.Read(file.Call{L: l}, b)
			if errno == netbsd.EIO {
				l.Exit(5)
			}
			l.Exit(n)
		}
		var statuses []netbsd.WaitStatus
		leader := guest(t, d, func(l *kern.LWP) {
			own(t, l, term)
			p := inGroup(t, l, reader)
			r, _ := l.Wait(p.Pid(), netbsd.WUNTRACED)
			statuses = append(statuses, r.Status)
			setForeground(t, l, term, p.Pid())
			l.Kill(-p.Pid(), netbsd.SIGCONT)
			r, _ = l.Wait(p.Pid(), 0)
			statuses = append(statuses, r.Status)
			setForeground(t, l, term, l.Proc().Pid())
			ign := inGroup(t, l, func(l *kern.LWP) {
				l.Sigaction(netbsd.SIGTTIN, &kern.Action{Handler: netbsd.SIG_IGN})
				reader(l)
			})
			r, _ = l.Wait(ign.Pid(), netbsd.WUNTRACED)
			statuses = append(statuses, r.Status)
			l.Exit(0)
		})
		synctest.Wait()
		ctl.write("abc\n")
		synctest.Wait()
		ctl.read()
		leader.Wait()
		if len(statuses) != 3 || statuses[0].StopSignal() != netbsd.SIGTTIN || statuses[1].ExitCode() != 4 || statuses[2].ExitCode() != 5 {
			t.Errorf("statuses %v; want stopped by SIGTTIN, 4 bytes read, EIO", statuses)
		}
	})
}

// Writing in the background stops with TOSTOP only; changing modes always does.
func TestBackgroundWrite(t *testing.T) {
	each(t, func(t *testing.T, d *Driver) {
		ctl, term := open(t, d)
		leader := guest(t, d, func(l *kern.LWP) {
			own(t, l, term)
			writer := func(l *kern.LWP) {
				_, errno := term.d.File.Write(file.Call{L: l}, []byte("w"))
				l.Exit(int(errno))
			}
			try := func(body func(*kern.LWP)) netbsd.WaitStatus {
				p := inGroup(t, l, body)
				r, _ := l.Wait(p.Pid(), netbsd.WUNTRACED)
				l.Kill(p.Pid(), netbsd.SIGKILL)
				return r.Status
			}
			if w := try(writer); w != 0 {
				t.Errorf("a write without TOSTOP: %#x", int(w))
			}
			term.setModes(func(m *netbsd.Termios) { m.Lflag |= netbsd.TOSTOP })
			if w := try(writer); w.StopSignal() != netbsd.SIGTTOU {
				t.Errorf("a write with TOSTOP: %#x", int(w))
			}
			if w := try(func(l *kern.LWP) {
				term.d.File.Ioctl(file.Call{L: l}, netbsd.TIOCSETA, make([]byte, netbsd.SizeofTermios))
				l.Exit(0)
			}); w.StopSignal() != netbsd.SIGTTOU {
				t.Errorf("TIOCSETA: %#x", int(w))
			}
			l.Exit(0)
		})
		synctest.Wait()
		if got := ctl.read(); got != "w" {
			t.Errorf("read %q", got)
		}
		leader.Wait()
	})
}

// The controller's close hangs up: the leader gets SIGHUP, a sleeping reader the end of
// the file.
func TestHangup(t *testing.T) {
	each(t, func(t *testing.T, d *Driver) {
		ctl, term := open(t, d)
		n, errno := -1, netbsd.EAGAIN
		var write netbsd.Errno
		leader := guest(t, d, func(l *kern.LWP) {
			own(t, l, term)
			pause(l)
		})
		other := guest(t, d, func(l *kern.LWP) {
			n, errno = term.d.File.Read(file.Call{L: l}, make([]byte, 8))
			_, write = term.d.File.Write(file.Call{L: l}, []byte("x"))
			l.Exit(0)
		})
		synctest.Wait()
		ctl.d.Release()
		if w := leader.Wait(); w.TermSignal() != netbsd.SIGHUP {
			t.Errorf("the leader ended with %#x", int(w))
		}
		other.Wait()
		if n != 0 || errno != 0 || write != netbsd.EIO {
			t.Errorf("after the hang-up: read %d, %v; write %v", n, errno, write)
		}
		term.d.Release()
		if len(d.pairs) != 0 {
			t.Errorf("%d pairs are left", len(d.pairs))
		}
	})
}

// The last close of the terminal side ends the controller's reads, after they have got
// everything; a close that nobody reads for gives up in time.
func TestLastClose(t *testing.T) {
	each(t, func(t *testing.T, d *Driver) {
		ctl, term := open(t, d)
		term.write("bye")
		closed := false
		go func() { term.d.Release(); closed = true }()
		synctest.Wait()
		if closed {
			t.Error("the close did not wait for its output")
		}
		if got := ctl.read(); got != "bye" {
			t.Errorf("read %q", got)
		}
		synctest.Wait()
		if !closed {
			t.Error("the close waits for nothing")
		}
		if n, errno := ctl.d.File.Read(ctl.call(true), make([]byte, 8)); n != 0 || errno != 0 {
			t.Errorf("read %d, %v; want the end", n, errno)
		}
		if _, errno := ctl.d.File.Write(ctl.call(true), []byte("x")); errno != netbsd.EIO {
			t.Errorf("write: %v", errno)
		}

		ctl, term = open(t, d)
		term.write("unread")
		term.d.Release() // five seconds of the bubble's time
		if n, errno := ctl.d.File.Read(ctl.call(true), make([]byte, 8)); n != 0 || errno != 0 {
			t.Errorf("read %d, %v; want the rest dropped", n, errno)
		}
	})
}

// /dev/tty is the caller's own terminal, and nothing for one without.
func TestCtty(t *testing.T) {
	each(t, func(t *testing.T, d *Driver) {
		ctl, term := open(t, d)
		leader := guest(t, d, func(l *kern.LWP) {
			if dev := controlling(l); dev != nil {
				t.Error("a terminal before TIOCSCTTY")
			}
			own(t, l, term)
			f := &ctty{opened: controlling(l).handle()}
			if _, errno := f.Write(file.Call{L: l}, []byte("hi")); errno != 0 {
				t.Error(errno)
			}
			if errno := f.Ioctl(file.Call{L: l}, netbsd.TIOCNOTTY, nil); errno != netbsd.EINVAL {
				t.Errorf("TIOCNOTTY of the leader: %v", errno)
			}
			p := fork(t, l, func(l *kern.LWP) {
				if errno := f.Ioctl(file.Call{L: l}, netbsd.TIOCNOTTY, nil); errno != 0 {
					t.Errorf("TIOCNOTTY: %v", errno)
				}
				if _, errno := f.Write(file.Call{L: l}, []byte("no")); errno != netbsd.EIO {
					t.Errorf("write after TIOCNOTTY: %v", errno)
				}
				l.Exit(0)
			})
			l.Wait(p.Pid(), 0)
			f.Write(file.Call{L: l}, []byte("!"))
			l.Exit(0)
		})
		synctest.Wait()
		if got := ctl.read(); got != "hi!" {
			t.Errorf("read %q", got)
		}
		leader.Wait()
	})
}

// A new window size is told to the foreground group once.
func TestWindowSize(t *testing.T) {
	each(t, func(t *testing.T, d *Driver) {
		ctl, term := open(t, d)
		n := 0
		leader := guest(t, d, func(l *kern.LWP) {
			own(t, l, term)
			l.Sigaction(netbsd.SIGWINCH, &kern.Action{Func: func(*kern.LWP, *netbsd.Siginfo) { n++ }})
			pause(l)
		})
		synctest.Wait()
		size := make([]byte, netbsd.SizeofWinsize)
		netbsd.Winsize{Row: 24, Col: 80}.Encode(size)
		ctl.ioctl(netbsd.TIOCSWINSZ, size)
		ctl.ioctl(netbsd.TIOCSWINSZ, size)
		synctest.Wait()
		if n != 1 {
			t.Errorf("%d times SIGWINCH", n)
		}
		got := make([]byte, netbsd.SizeofWinsize)
		term.ioctl(netbsd.TIOCGWINSZ, got)
		if w := netbsd.DecodeWinsize(got); w.Row != 24 || w.Col != 80 {
			t.Errorf("size %v", w)
		}
		leader.Kill(netbsd.SIGKILL)
	})
}

// ^T reports on the foreground group and sends SIGINFO.
func TestStatusCharacter(t *testing.T) {
	each(t, func(t *testing.T, d *Driver) {
		ctl, term := open(t, d)
		n := 0
		leader := guest(t, d, func(l *kern.LWP) {
			own(t, l, term)
			l.Sigaction(netbsd.SIGINFO, &kern.Action{Func: func(*kern.LWP, *netbsd.Siginfo) { n++ }})
			pause(l)
		})
		synctest.Wait()
		ctl.write("\x14")
		synctest.Wait()
		if got := ctl.read(); n != 1 || got != "load: 0.00  cmd: guest "+itoa(leader.Pid())+" [running] 0.00u 0.00s 0% 0k\r\n" {
			t.Errorf("%d signals, screen %q", n, got)
		}
		leader.Kill(netbsd.SIGKILL)
	})
}

// revoke(2) while a reader sleeps: it gets the end of the file, and a new open is of a
// new terminal.
func TestRevoke(t *testing.T) {
	each(t, func(t *testing.T, d *Driver) {
		ctl, term := open(t, d)
		n, errno := -1, netbsd.EAGAIN
		reader := guest(t, d, func(l *kern.LWP) {
			own(t, l, term)
			n, errno = term.d.File.Read(file.Call{L: l}, make([]byte, 8))
			if l.Proc().TTY() != nil {
				t.Error("the session still has the terminal")
			}
			l.Exit(0)
		})
		synctest.Wait()
		p := term.pair()
		p.Revoke()
		reader.Wait()
		if n != 0 || errno != 0 {
			t.Errorf("read %d, %v", n, errno)
		}
		again, errno := p.open(0, netbsd.O_RDWR)
		if errno != 0 {
			t.Fatal(errno)
		}
		ctl.write("x\n")
		if got := (side{t, again}).read(); got != "x\n" {
			t.Errorf("read %q of the new terminal", got)
		}
		if got, _ := term.d.File.Read(term.call(true), make([]byte, 8)); got != 0 {
			t.Error("the old one reads on")
		}
		term.d.Release() // must not close the new one
		ctl.write("y\n")
		if got := (side{t, again}).read(); got != "y\n" {
			t.Errorf("read %q after the old one's close", got)
		}
	})
}
