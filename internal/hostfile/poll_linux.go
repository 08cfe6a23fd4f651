package hostfile

import (
	"golang.org/x/sys/unix"

	"toaster/internal/file"
)

// hostWrBand is Linux's POLLWRBAND; the other bits have one number.
const hostWrBand = 0x200

// pollNow asks the host for a descriptor's readiness without waiting.
func pollNow(fd int, want file.Events) file.Events {
	mask := int16(want & (file.In | file.Pri | file.Out | file.RdNorm | file.RdBand))
	if want&file.RdHup != 0 {
		mask |= unix.POLLRDHUP
	}
	if want&file.WrBand != 0 {
		mask |= hostWrBand
	}
	fds := []unix.PollFd{{Fd: int32(fd), Events: mask}}
	for {
		_, err := unix.Poll(fds, 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return file.Err
		}
		break
	}
	got := uint32(uint16(fds[0].Revents))
	ev := file.Events(got) & (file.In | file.Pri | file.Out | file.Err | file.Hup | file.Nval | file.RdNorm | file.RdBand)
	if got&unix.POLLRDHUP != 0 {
		ev |= file.RdHup
	}
	if got&hostWrBand != 0 {
		ev |= file.WrBand
	}
	return ev
}
