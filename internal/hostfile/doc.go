// Package hostfile makes open files of the host's: regular files, directories, FIFOs,
// devices and the standard streams, read and written by the host's calls, waited for by
// one poller a machine. It hands open files of the kernel's to programs of the host
// (Export), too, and turns the host's inotify into the notes of kevent(2).
//
// Lock order, first taken first; a file's queue is locked with neither held:
//
//	pollDesc.mu < poller.mu
//
// A host descriptor does not block, or is asked for readiness before each transfer, so
// that a guest that waits costs a goroutine and no thread of the host. What never lets
// anybody wait for somebody else, such as a disk, may block; hostlimits bounds how many
// threads can hang in there.
package hostfile
