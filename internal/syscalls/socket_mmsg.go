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
// result is how many messages were sent, and the errors are sendmsg(2)'s where that is none.
func sendmmsg(c *Call) netbsd.Errno {
	return c.onSocket(func(d *file.Description, s *socket.Socket) netbsd.Errno {
		return c.eachMessage(s, func(addr uint64) (last bool, errno netbsd.Errno) {
			return false, c.sendMessage(d, s, addr, c.Int(3))
		})
	})
}

// recvmmsg is recvmmsg(int s, struct mmsghdr *mmsg, unsigned int vlen, unsigned int flags, struct
// timespec *timeout). As recvmsg(2) it waits for each message, with MSG_WAITFORONE only for the
// first. The timeout is looked at after each and ends no wait. EFAULT for it comes before EBADF.
func recvmmsg(c *Call) netbsd.Errno {
	var deadline time.Time
	if c.Ptr(4) != 0 {
		b, errno := c.in(c.Ptr(4), netbsd.SizeofTimespec)
		if errno != 0 {
			return errno
		}
		deadline = deadlineIn(netbsd.DecodeTimespec(b).Duration())
	}
	return c.onSocket(func(d *file.Description, s *socket.Socket) netbsd.Errno {
		flags := c.Int(3) &^ netbsd.MSG_WAITFORONE
		return c.eachMessage(s, func(addr uint64) (last bool, errno netbsd.Errno) {
			got, errno := c.recvMessage(d, s, addr, flags)
			if c.Int(3)&netbsd.MSG_WAITFORONE != 0 {
				flags |= netbsd.MSG_DONTWAIT
			}
			return got&netbsd.MSG_OOB != 0 || !deadline.IsZero() && time.Now().After(deadline), errno
		})
	})
}

// eachMessage runs f with the address of one message after the other, and stores the length that
// f has left as the call's result. An error after the first message ends the call, and the next one
// of the socket tells it (so_error); but that there are no more messages is none.
func (c *Call) eachMessage(s *socket.Socket, f func(addr uint64) (last bool, errno netbsd.Errno)) netbsd.Errno {
	n := uint64(min(c.Uint32(2), mmsgMax))
	for done := range n {
		addr := c.Ptr(1) + done*netbsd.SizeofMmsghdr
		last, errno := f(addr)
		if errno == 0 {
			errno = c.outLen(addr+netbsd.SizeofMsghdr, int(c.Ret[0]))
		}
		switch {
		case errno != 0 && done == 0:
			return errno
		case errno != 0:
			if errno != netbsd.EAGAIN {
				s.Fail(errno)
			}
			return c.ok(done)
		case last:
			return c.ok(done + 1)
		}
	}
	return c.ok(n)
}
