package file

import "golang.org/x/sys/unix"

// hostWrBand is Linux's POLLWRBAND; the other bits have one number.
const hostWrBand = 0x200

// pollNow asks the host for a descriptor's readiness without waiting.
func pollNow(fd int, want Events) Events {
	mask := int16(want & (In | Pri | Out | RdNorm | RdBand))
	if want&RdHup != 0 {
		mask |= unix.POLLRDHUP
	}
	if want&WrBand != 0 {
		mask |= hostWrBand
	}
	fds := []unix.PollFd{{Fd: int32(fd), Events: mask}}
	for {
		_, err := unix.Poll(fds, 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return Err
		}
		break
	}
	got := uint32(uint16(fds[0].Revents))
	ev := Events(got) & (In | Pri | Out | Err | Hup | Nval | RdNorm | RdBand)
	if got&unix.POLLRDHUP != 0 {
		ev |= RdHup
	}
	if got&hostWrBand != 0 {
		ev |= WrBand
	}
	return ev
}
