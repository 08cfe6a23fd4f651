package file

import "toaster/netbsd"

// EventSet is a set of descriptors of the host of which the host tells what happens, for a kqueue(2).
type EventSet interface {
	// Put enters a descriptor of the host, or changes what is entered, if it is there. What holds already happens.
	Put(fd int, e SetEntry, there bool) netbsd.Errno
	Drop(fd int)
	// Harvest takes what has happened.
	Harvest(f func(key uint32, in, out bool))
	// Ready reports whether there is something to harvest.
	Ready() bool
	Watch(w *Waiter)
	Unwatch(w *Waiter)
	// Settle returns when all that had happened to files that the machine watches otherwise has been told.
	Settle()
	FD() int
	Close()
}

// SetEntry is what is to be told of a descriptor: once each time that something comes, or as long as it is there.
type SetEntry struct {
	Key           uint32
	In, Out, Edge bool
}

// Shutter is a file that can be shut down for writing by its own user (shutdown(2)), which the host tells nobody.
type Shutter interface {
	// WatchShut has w hear of WrHup when it is. Whoever must not miss it looks (File.Poll) behind that.
	WatchShut(w *Waiter)
	UnwatchShut(w *Waiter)
}

// Drainer is a file of which what was written stays until the other side has it (EVFILT_EMPTY).
type Drainer interface {
	// Undelivered returns how many bytes that is, and a count of those that have come, for who wants to know whether it has changed.
	Undelivered() (left int64, come uint64)
}

// Failing is a file whose end can come with an error, which kevent(2) tells of, and the next call still.
type Failing interface{ PendingErrno() netbsd.Errno }

// Hosted is a file whose readiness is that of a descriptor of the host, or can be: a pipe becomes one of the host's for that.
type Hosted interface {
	// MayHost reports whether HostEvents can be expected to return a descriptor. It changes nothing.
	MayHost() bool
	// HostEvents returns the descriptor. Without newPipe a pipe of the kernel's has none.
	HostEvents(newPipe HostPipe) (fd int, ok bool)
}
