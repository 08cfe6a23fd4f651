package outside

import (
	"errors"
	"os"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

var errNotReplaced = errors.New("the host lets no process be traced (ptrace(2)), or not its memory be read")

// Try has a program execute another one that is taken for the machine's, and returns how that went.
func Try() Way {
	joined := make(chan error, 1)
	var asked atomic.Bool // the second execve is the proxy's
	s := New(Options{
		Identify: func(*os.File) Look {
			if asked.Swap(true) {
				return Look{}
			}
			return Look{Kind: Guest}
		},
		Join: func(x *Exec) {
			x.File.Close()
			go x.Proxy.Listen(func(int) {})
			files, err := x.Proxy.Files()
			closeFiles(files)
			joined <- err // before collect returns
			x.Proxy.Exit(0)
		},
	})
	defer s.Stop()
	exe, err := proxyFile(-1)
	if err != nil {
		return Way{Err: err}
	}
	defer unix.Close(exe)
	// Without the pass the program's own start is a question already.
	pid, err := s.forkExec(procFD(exe), []string{"toaster-proxy"}, &syscall.ProcAttr{}, nil, 0)
	if err != nil {
		return Way{Err: err}
	}
	collect(pid)
	way := s.way
	if way.Err == nil {
		select {
		case way.Err = <-joined:
		default:
			way.Err = errNotReplaced
		}
	}
	return way
}
