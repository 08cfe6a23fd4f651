// Package file holds what a file descriptor is: the table of a process, the
// open files that its slots share, pipes, sockets and the host's own files, and
// the readiness that poll(2), kevent(2) and every blocking call wait for.
//
// Lock order, first taken first:
//
//	Table.mu < Description.mu < a file's own mutex < Queue.mu < a watcher's mutex
//	rights.mu < pollDesc.mu < poller.mu
//
// Nobody sleeps while holding one of them: Block drops everything first.
package file
