package socket

import (
	"sync"

	"golang.org/x/sys/unix"

	"toaster/internal/hostfile"
)

// Stack is what the sockets of one machine share: the network that they are made in,
// rights in flight, names. Two machines in one program share nothing of it, and nothing
// of it outlives Close.
type Stack struct {
	host     *hostfile.Host
	maker    Maker
	confined bool

	rights rights
	names  sync.Map // the guests' names of local sockets that the host knows by others
}

// Maker is socket(2) of the host in a network that a machine's guests may use. Its
// EAFNOSUPPORT says that they have none.
type Maker func(family, typ, proto int) (fd int, err error)

// Config says how a machine's sockets are set up. The zero value is good.
type Config struct {
	// Confined: the guests have a root that nothing leads out of. A directory that
	// comes from outside is refused, and attributes of files from there stay.
	Confined bool
	// Maker makes the sockets of the network; nil: those of the host's own.
	Maker Maker
	// MaxFiles is how many open files the machine may have; 0 is file.MaxOpenFiles. A part
	// of them may be in flight.
	MaxFiles int
	// MaxRights is how many open files may be in flight; 0 is what MaxFiles and the host
	// can bear.
	MaxRights int
}

// New makes what the sockets of a machine share, on its side of the host's files. Close it
// when every table of the machine is closed.
func New(h *hostfile.Host, cfg Config) *Stack {
	s := &Stack{host: h, maker: cfg.Maker, confined: cfg.Confined}
	if s.maker == nil {
		s.maker = unix.Socket
	}
	s.rights.init(h, cfg)
	return s
}

// Close discards what is in flight. A second Close does nothing.
func (s *Stack) Close() { s.rights.close() }
