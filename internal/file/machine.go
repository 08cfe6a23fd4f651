package file

import (
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Machine is what the open files of one machine share: rights in flight, record
// locks, watches of inodes, names of local sockets. Two machines in one program share
// nothing of it, and nothing of it outlives Close.
type Machine struct {
	confined bool
	quota    *Quota
	sockets  SocketMaker
	closed   sync.Once

	tableOf func(Sleeper) *Table

	rights  rights
	records records
	flocks  Queue // who waits for a lock of flock(2)
	inodes  inodes
	kqueues Kqueues
	names   sync.Map // the guests' names of local sockets that the host knows by others
}

// SocketMaker is socket(2) of the host in a network that a machine's guests may use. Its
// EAFNOSUPPORT says that they have none.
type SocketMaker func(family, typ, proto int) (fd int, err error)

// MachineConfig says how a machine's files are set up. The zero value is good.
type MachineConfig struct {
	// Confined: the guests have a root that nothing leads out of. A directory that
	// comes from outside is refused, and attributes of files from there stay.
	Confined bool
	// Quota is what the files in the machine's tables count in; nil for none.
	Quota *Quota
	// Sockets makes the sockets of the network; nil: those of the host's own.
	Sockets SocketMaker
	// TableOf says whose descriptors an LWP of the machine uses, nil if it is none of a
	// process with any. Without it a close(2) sends no sleeper back to its descriptor.
	TableOf func(Sleeper) *Table
	// MaxRights is how many open files may be in flight; 0 is what the host can bear.
	MaxRights int
}

// NewMachine makes the shared part of a machine's open files. Close it when every table
// is closed.
func NewMachine(cfg MachineConfig) *Machine {
	thePoller.enter()
	return makeMachine(cfg)
}

func makeMachine(cfg MachineConfig) *Machine {
	m := &Machine{confined: cfg.Confined, quota: cfg.Quota, sockets: cfg.Sockets, tableOf: cfg.TableOf}
	if m.sockets == nil {
		m.sockets = unix.Socket
	}
	m.rights.init(cfg)
	m.records.init()
	return m
}

// NewTable makes an empty table with one reference.
func (m *Machine) NewTable() *Table { return &Table{refs: 1, machine: m, quota: m.quota} }

// Kqueues is what the kqueues of a machine share, for package kqueue.
type Kqueues struct {
	Timers  atomic.Int32 // how many there are, of all queues together
	Nesting sync.Mutex   // serialises the making of queues that watch queues
}

// Kqueues returns what the machine's kqueues share.
func (m *Machine) Kqueues() *Kqueues { return &m.kqueues }

// Close discards what is in flight and ends all watching. A second Close does nothing.
func (m *Machine) Close() {
	m.closed.Do(func() {
		m.rights.close()
		m.inodes.close()
		thePoller.leave()
	})
}
