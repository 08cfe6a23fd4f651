package file

import (
	"sync"
	"sync/atomic"
	"toaster/netbsd"
)

// live counts open descriptions, for tests that account for leaks.
var live atomic.Int64

// LiveDescriptions is how many open file descriptions exist in this program, of all
// machines together: some are made before their machine is, as the standard streams.
func LiveDescriptions() int64 { return live.Load() }

// Description is one open file (struct file): what open(2) makes and dup(2) and
// fork(2) share. Its reference count covers table slots, calls in progress and messages in
// flight. A call holds a reference for as long as it lasts, so that a close(2) in another
// LWP ends neither the file nor the host descriptor under it, whose number the host would
// reuse at once.
type Description struct {
	File File
	refs atomic.Int32
	// flying is how many of the references are messages in flight (f_msgcount), and
	// carrier whose these are; the carrier's lock guards changes.
	flying  atomic.Int32
	carrier Carrier
	flags   atomic.Int32 // access mode and netbsd.SetflMask status flags

	flocked atomic.Pointer[flocked] // where the lock of flock(2) is that it may hold

	quota    *Quota       // that it counts in; set once, by who puts it into its first table
	meter    *Meter       // of what is written; set before anybody else knows d
	lendable bool         // File is one
	uses     atomic.Int32 // since it was lent last, see Used
	sinks    bool         // File is a Sink: a write is too short to ask each time

	owner atomic.Int32 // F_SETOWN: process, or group if negative

	number atomic.Uint64 // see Number

	mu      sync.Mutex
	async   *Waiter // of O_ASYNC; nil: there is none
	hearers []BlockHearer

	// Path is the name it was opened by, for traces; "" if none.
	Path string
}

// New makes a description with one reference, the caller's. Of flags the access mode and
// the status flags stay; the others are open(2)'s alone.
func New(f File, flags int) *Description {
	d := &Description{File: f}
	if s, ok := f.(Sink); ok {
		d.sinks = s.Sinks()
	}
	if l, ok := f.(Lendable); ok {
		d.lendable = l.MayLend()
	}
	d.refs.Store(1)
	d.flags.Store(int32(flags & (netbsd.O_ACCMODE | netbsd.SetflMask | netbsd.O_EXEC))) // FMASK
	live.Add(1)
	return d
}

// Ref takes another reference. Preconditions: the caller holds one.
func (d *Description) Ref() *Description {
	d.refs.Add(1)
	return d
}

// Release drops a reference; the last one closes the file.
func (d *Description) Release() {
	switch n := d.refs.Add(-1); {
	case n == 0:
		d.endAsync()
		d.File.Close()
		d.endFlock()
		d.leave()
		live.Add(-1)
	case n < 0:
		panic("file: description released too often")
	case n == d.flying.Load():
		d.carrier.LeftInFlight(d)
	}
}

// Carrier has open files in flight: rights that messages of local sockets carry.
type Carrier interface {
	// LeftInFlight is told, with no lock held, that d has been let go by everybody but
	// messages in flight. By then somebody may have received it: see InFlightOnly.
	LeftInFlight(d *Description)
}

// Launch takes a reference for a message in flight. Preconditions: the caller has the
// carrier's lock, and a reference. The carrier is the first one that ever launched d, as
// no open file leaves its machine.
func (d *Description) Launch(c Carrier) {
	if d.carrier == nil {
		d.carrier = c // before flying is above 0, which is when Release looks
	}
	d.Ref().flying.Add(1)
}

// Land counts a message less, and reports whether d is in no other. The reference is the
// caller's to release. Preconditions: the caller has the carrier's lock.
func (d *Description) Land() bool { return d.flying.Add(-1) == 0 }

// InFlightOnly reports whether messages in flight have all references to d (unp_gc:
// f_count == f_msgcount). With the carrier's lock a yes holds: who receives d needs it.
func (d *Description) InFlightOnly() bool {
	n := d.flying.Load()
	return n > 0 && d.refs.Load() == n
}

// Flags are the access mode and status flags, as F_GETFL reports them.
func (d *Description) Flags() int { return int(d.flags.Load()) }

// Readable reports whether it was opened for reading.
func (d *Description) Readable() bool {
	m := d.Flags() & netbsd.O_ACCMODE
	return m == netbsd.O_RDONLY || m == netbsd.O_RDWR
}

// Vnode reports whether d is a file of a file system's, or could be (DTYPE_VNODE): others have most calls refuse them (fd_getvnode).
func (d *Description) Vnode() bool {
	_, none := d.File.(Pathconfer)
	return !none
}

// Writable reports whether it was opened for writing.
func (d *Description) Writable() bool {
	m := d.Flags() & netbsd.O_ACCMODE
	return m == netbsd.O_WRONLY || m == netbsd.O_RDWR
}

// Sinks reports whether writes go nowhere, and nobody counts them.
func (d *Description) Sinks() bool { return d.sinks && d.meter == nil }

// Call makes the Call of an operation by l on this description.
func (d *Description) Call(l Sleeper) Call {
	return Call{L: l, Nonblock: d.flags.Load()&netbsd.O_NONBLOCK != 0}
}

// Owner returns F_GETOWN's value.
func (d *Description) Owner() int { return int(d.owner.Load()) }

// SetOwner is F_SETOWN: the process, or the group if negative, that SIGIO goes to.
func (d *Description) SetOwner(id int) { d.owner.Store(int32(id)) }

// HostFD returns the host descriptor behind d, if there is one; it stays d's.
func (d *Description) HostFD() (int, bool) {
	if h, ok := d.File.(HostFiler); ok {
		return h.HostFD()
	}
	return -1, false
}
