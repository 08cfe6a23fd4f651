package stub

import (
	"sync/atomic"
	"unsafe"
)

// Files are lent to a process by a table behind the slots of its control window, which all its
// threads share: for each of the guest's first descriptors the rights that the stub may use it
// with. Descriptor n of the guest is LentFD+n of the host process. So there is no number in the
// table that could be old: whoever looked descriptor n up before it was closed, and uses it
// afterwards, finds nothing, or what the guest has opened as n since, as if it had looked later.
//
// A guest can write the table. All that it gains is that the stub tries descriptors that are not
// there.

const (
	// LentFD is the host process's descriptor of the guest's descriptor 0. It is above those that
	// come for a moment (PassedFD), which the filter lets nobody read or write.
	LentFD = 16
	// LentFiles is how many descriptors can be lent, the guest's lowest. The highest of the host's
	// numbers is below any RLIMIT_NOFILE that hosts have.
	LentFiles = 224

	// FilesSize is the size of the table, at the end of a window.
	FilesSize = pageSize
)

// Rights of a lent file.
const (
	MayRead  = 1
	MayWrite = 2
	// Waits says that who reads or writes the file may wait there for another process: it is a
	// pipe or a socket, and has no position.
	Waits = 4
	// Events says that it is a kqueue, of which the table has the events, and no file; Stream, that it is a socket.
	Events = 8
	Stream = 16
)

// Behind the rights the table has the events of one kqueue, if it is lent: for each of the guest's first descriptors the udata of
// EVFILT_READ, that of EVFILT_WRITE, and the flags of each, 0 if there is no such event.
const (
	// EventFiles is how many descriptors there is room for.
	EventFiles = 128
	// MaxEvents is how many the stub takes at a time. Each can be two of the guest's.
	MaxEvents = 8

	eventsAt = 1024
	eventRow = 24
)

// SetEvent says what an event of descriptor n, 0 to EventFiles-1, is to look like; flags 0, that there is none. The thread that sees a half of
// it has asked for events while they were changed.
func SetEvent(window []byte, n int, write bool, flags uint32, udata uint64) {
	row := window[len(window)-FilesSize+eventsAt+n*eventRow:]
	i := 0
	if write {
		i = 1
	}
	atomic.StoreUint64((*uint64)(unsafe.Pointer(&row[8*i])), udata)
	atomic.StoreUint32((*uint32)(unsafe.Pointer(&row[16+4*i])), flags)
}

// SetFile says what the stub may do with descriptor n, 0 to LentFiles-1, of the process whose
// window it is: MayRead, MayWrite, both,
// with Waits or without, or 0 for nothing. Any thread that does not see that yet is one that Slot.Napping tells
// of, if it can wait.
func SetFile(window []byte, n int, rights uint32) {
	table := window[len(window)-FilesSize:]
	atomic.StoreUint32((*uint32)(unsafe.Pointer(&table[4*n])), rights)
}
