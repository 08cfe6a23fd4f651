package socket

import (
	"time"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/hostfile"
	"toaster/netbsd"
)

// This file lends connected sockets of TCP to a guest's host process (file.Lendable): their
// queues are the host's anyway, as are the edges that kevent(2) hears of, so a transfer by the stub
// is what one by the kernel is. O_NONBLOCK and the timeouts, which are the kernel's own as long as it alone
// waits, become the host's when a socket is lent, and follow from then on. The kernel's own calls say
// MSG_DONTWAIT each.
//
// A local socket is not lent: what is written there can carry credentials (LOCAL_CREDS), and what is
// read, open files.

// MayLend implements file.Lendable. Whether it is connected LendFD says.
func (s *Socket) MayLend() bool {
	return s.typ == netbsd.SOCK_STREAM && s.route == nil &&
		(s.family == netbsd.AF_INET || s.family == netbsd.AF_INET6)
}

// MayWait implements file.Lendable.
func (s *Socket) MayWait() bool { return true }

// LentAs tells the stub how to ask for the room to write.
func (s *Socket) LentAs(rights uint32) uint32 { return rights | file.LentStream }

// MayHost implements file.Hosted.
func (s *Socket) MayHost() bool { return s.MayLend() && !s.exported.Load() }

// HostEvents implements file.Hosted. What the host says of one that is not connected Poll corrects.
func (s *Socket) HostEvents(file.HostPipe) (int, bool) { return s.FD(), s.MayHost() }

// LendFD implements file.Lendable.
func (s *Socket) LendFD(flags int) (int, bool) {
	if !s.MayLend() || s.listening.Load() || s.exported.Load() || s.failed.Load() != 0 || s.faulty.Load() != 0 {
		return -1, false
	}
	if _, err := unix.Getpeername(s.FD()); err != nil {
		return -1, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lent.Store(true)
	if s.hostTimeouts() != 0 || s.SetFlags(flags) != 0 {
		return -1, false
	}
	return s.FD(), true
}

// SetFlags implements file.File: F_SETFL.
func (s *Socket) SetFlags(flags int) netbsd.Errno {
	if !s.lent.Load() {
		return 0
	}
	return hostfile.Errno(unix.SetNonblock(s.FD(), flags&netbsd.O_NONBLOCK != 0))
}

// hostTimeouts has the host's timeouts of a lent socket be what the guest's are. Preconditions: mu is held.
func (s *Socket) hostTimeouts() netbsd.Errno {
	if !s.lent.Load() {
		return 0
	}
	for _, o := range [...]struct {
		name int
		d    time.Duration
	}{{unix.SO_RCVTIMEO, s.recvTimeo}, {unix.SO_SNDTIMEO, s.sendTimeo}} {
		tv := unix.NsecToTimeval(int64(o.d))
		if err := unix.SetsockoptTimeval(s.FD(), unix.SOL_SOCKET, o.name, &tv); err != nil {
			return hostfile.Errno(err)
		}
	}
	return 0
}
