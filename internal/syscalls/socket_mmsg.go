package syscalls

import (
	"time"

	"toaster/internal/file"
	"toaster/internal/socket"
	"toaster/netbsd"
)

// This file serves the calls that send and receive several messages. A struct mmsghdr is a
// struct msghdr and, after it, how many bytes went or came:
//
//	msg_hdr 0, msg_len 48, 4 bytes padding

// mmsgMax is how many messages of a longer vector are looked at (sys_sendmmsg, sys_recvmmsg).
const mmsgMax = 1024

// sendmmsg is sendmmsg(int s, struct mmsghdr *mmsg, unsigned int vlen, unsigned int flags). The
// result is how many messages were sent, and the errors are sendmsg(2)'s where that is none. One after the first is forgotten; up to release 10
// the next call of the socket told it (so_error).
func sendmmsg(c *Call) netbsd.Errno {
	return c.onSocket(func(d *file.Description, s *socket.Socket) netbsd.Errno {
		n, errno := c.eachMessage(func(h netbsd.Msghdr, _ uint64) (last bool, errno netbsd.Errno) {
			return false, c.sendMessage(d, s, h, c.Int(3))
		})
		if n > 0 && errno != 0 && errno != netbsd.EAGAIN && !c.has(netbsd.SYS_memfd_create) {
			s.Fail(errno)
		}
		return c.endMessages(n, errno)
	})
}

// recvmmsg is recvmmsg(int s, struct mmsghdr *mmsg, unsigned int vlen, unsigned int flags, struct
// timespec *timeout). As recvmsg(2) it waits for each message, with MSG_WAITFORONE only for the
// first. The timeout is looked at after each and ends no wait. EFAULT and EINVAL for it come before EBADF. An error after the first message the
// next call that receives tells, but not that there is no other message (so_rerror).
func recvmmsg(c *Call) netbsd.Errno {
	var deadline time.Time
	if c.Ptr(4) != 0 {
		b, errno := c.in(c.Ptr(4), netbsd.SizeofTimespec)
		if errno != 0 {
			return errno
		}
		ts := netbsd.DecodeTimespec(b)
		if ts.Nsec < 0 || ts.Nsec >= 1e9 {
			return netbsd.EINVAL
		}
		deadline = deadlineIn(ts.Duration())
	}
	return c.onSocket(func(d *file.Description, s *socket.Socket) netbsd.Errno {
		if errno := s.ReceiveFailure(); errno != 0 {
			return errno
		}
		flags := c.Int(3) &^ netbsd.MSG_WAITFORONE
		n, errno := c.eachMessage(func(h netbsd.Msghdr, addr uint64) (last bool, errno netbsd.Errno) {
			got, errno := c.recvMessage(d, s, h, addr, flags)
			if c.Int(3)&netbsd.MSG_WAITFORONE != 0 {
				flags |= netbsd.MSG_DONTWAIT
			}
			return got&netbsd.MSG_OOB != 0 || !deadline.IsZero() && time.Now().After(deadline), errno
		})
		if n > 0 && errno != 0 && errno != netbsd.EAGAIN {
			s.FailReceive(errno)
		}
		return c.endMessages(n, errno)
	})
}

// eachMessage runs f with one struct msghdr after the other, and its address, and stores the length that
// f has left as the call's result. It returns how many there were before an error, or the last.
func (c *Call) eachMessage(f func(h netbsd.Msghdr, addr uint64) (last bool, errno netbsd.Errno)) (uint64, netbsd.Errno) {
	n := uint64(min(c.Uint32(2), mmsgMax))
	for done := range n {
		addr := c.Ptr(1) + done*netbsd.SizeofMmsghdr
		h, errno := c.msghdr(addr)
		if errno != 0 {
			return done, errno
		}
		last, errno := f(h, addr)
		if errno == 0 {
			errno = c.outLen(addr+netbsd.SizeofMsghdr, int(c.Ret[0]))
		}
		switch {
		case errno != 0:
			return done, errno
		case last:
			return done + 1, 0
		}
	}
	return n, 0
}

// endMessages is the result of n messages. An error only ends the call if there were any.
func (c *Call) endMessages(n uint64, errno netbsd.Errno) netbsd.Errno {
	if n == 0 && errno != 0 {
		return errno
	}
	return c.ok(n)
}
