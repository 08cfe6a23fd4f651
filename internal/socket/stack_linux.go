package socket

import (
	"crypto/rand"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/hostfile"
	"toaster/netbsd"
)

// Stack is what the sockets of one machine share: the network that they are made in,
// rights in flight, names. Two machines in one program share nothing of it, and nothing
// of it outlives Close.
type Stack struct {
	host     *hostfile.Host
	maker    Maker
	confined bool

	creds func(file.Sleeper) netbsd.Sockcred

	rights  rights
	ports   ports
	names   sync.Map      // the guests' names of local sockets that the host knows by others
	bound   sync.Map      // the local sockets that have a name, by the inode of that
	routers sync.Map      // the *router of each routing socket
	id      string        // of this stack among all of the host's
	hidden  atomic.Uint64 // how many sockets without a name have got one for the host
	inodes  atomic.Uint64 // how many numbers local sockets have got for fstat(2)
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
	// Creds says who makes a call; nil: nobody is told.
	Creds func(file.Sleeper) netbsd.Sockcred
}

// New makes what the sockets of a machine share, on its side of the host's files. Close it
// when every table of the machine is closed.
func New(h *hostfile.Host, cfg Config) *Stack {
	s := &Stack{host: h, maker: cfg.Maker, confined: cfg.Confined, creds: cfg.Creds, id: rand.Text()}
	if s.maker == nil {
		s.maker = unix.Socket
	}
	s.rights.init(h, cfg)
	return s
}

// Close discards what is in flight. A second Close does nothing.
func (s *Stack) Close() { s.rights.close() }
