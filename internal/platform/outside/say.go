package outside

import (
	"time"

	"golang.org/x/sys/unix"
)

// sayLimit bounds how long toaster waits for room in a file that is a program's. A machine that is closed waits as long, which has a second
// for all that it does.
const sayLimit = time.Second / 4

// Say writes text to a file of a program's, such as its standard error, as far as there is room within sayLimit. The file may be
// a pipe that its reader never empties, or a terminal whose output is stopped: nobody is to wait for that.
func Say(fd int, text []byte) {
	poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
	for end := time.Now().Add(sayLimit); time.Now().Before(end); {
		n, err := unix.Poll(poll, int(time.Until(end).Milliseconds())+1)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil || n == 0:
			return
		}
		// Somebody else may have taken the room: of a pipe the host waits for none then.
		_, err = unix.Pwritev2(fd, [][]byte{text}, -1, unix.RWF_NOWAIT)
		switch err {
		case unix.EAGAIN, unix.EINTR:
			continue
		case unix.EOPNOTSUPP, unix.ENOSYS, unix.ESPIPE:
			unix.Write(fd, text)
		}
		return
	}
}
