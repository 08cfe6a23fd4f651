package file

import (
	"sync"
	"sync/atomic"

	"toaster/netbsd"
)

// Machine is what the open files of one machine share: their locks, who waits for
// one, what limits its kqueues. Two machines in one program share nothing of it. What
// the host's files share is hostfile.Host's, what sockets share socket.Stack's.
type Machine struct {
	cfg MachineConfig

	records records
	flocks  sync.Mutex // held by who asks the host for a lock of flock(2); above records.mu
	kqueues Kqueues
	sems    Sems
}

// MachineConfig says how a machine's files are set up. The zero value is good.
type MachineConfig struct {
	// Quota is what the files in the machine's tables count in; nil for none.
	Quota *Quota
	// TableOf says whose descriptors an LWP of the machine uses, nil if it is none of a
	// process with any. Without it a close(2) sends no sleeper back to its descriptor.
	TableOf func(Sleeper) *Table
	// UserOf is the effective user of an LWP of the machine, whose locks are counted together. Nil: all are the superuser's.
	UserOf func(Sleeper) uint32
	// Sigio sends SIGIO with a code, POLL_IN and its like, to a process, or to a group if owner is below 0. It
	// must not sleep, nor call back. Nil: nobody is sent any.
	Sigio func(owner int, code int32)
	// Watcher knows what happens to open files; nil: nobody does.
	Watcher Watcher
}

// Watcher tells what happens to open files.
type Watcher interface {
	// Watch has fn hear of the notes of kevent(2)'s EVFILT_VNODE that happen to an open
	// file, until stop is called, which must come before the file is closed. fn must not
	// sleep, nor call back. EOPNOTSUPP: d is no file that can be watched.
	Watch(d *Description, want uint32, fn func(note uint32)) (stop func(), errno netbsd.Errno)
	// Settle returns when all that has happened until now has been told. It does not sleep. The caller holds
	// no lock that a fn of Watch takes.
	Settle()
}

// NewMachine makes the shared part of a machine's open files.
func NewMachine(cfg MachineConfig) *Machine {
	m := &Machine{cfg: cfg}
	m.records.init()
	return m
}

// Quota returns MachineConfig.Quota.
func (m *Machine) Quota() *Quota { return m.cfg.Quota }

// NewTable makes an empty table with one reference.
func (m *Machine) NewTable() *Table { return &Table{refs: 1, machine: m, quota: m.cfg.Quota} }

// tableOf is the table of an LWP's process; nil if nobody knows.
func (m *Machine) tableOf(l Sleeper) *Table {
	if m.cfg.TableOf == nil || l == nil {
		return nil
	}
	return m.cfg.TableOf(l)
}

// userOf is an LWP's effective user.
func (m *Machine) userOf(l Sleeper) uint32 {
	if m.cfg.UserOf == nil || l == nil {
		return 0
	}
	return m.cfg.UserOf(l)
}

// Watch is the Watcher's.
func (m *Machine) Watch(d *Description, want uint32, fn func(note uint32)) (stop func(), errno netbsd.Errno) {
	if m.cfg.Watcher == nil {
		return nil, netbsd.EOPNOTSUPP
	}
	return m.cfg.Watcher.Watch(d, want, fn)
}

// Settle is the Watcher's. Preconditions: a Watch of m's has succeeded.
func (m *Machine) Settle() { m.cfg.Watcher.Settle() }

// Kqueues is what the kqueues of a machine share, for package kqueue.
type Kqueues struct {
	Timers  atomic.Int32 // how many there are, of all queues together
	Knotes  atomic.Int32 // as well
	Nesting sync.Mutex   // serialises the making of queues that watch queues
}

// Kqueues returns what the machine's kqueues share.
func (m *Machine) Kqueues() *Kqueues { return &m.kqueues }
