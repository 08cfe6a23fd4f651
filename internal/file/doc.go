// Package file holds what a file descriptor is: the table of a process, the open
// files that its slots share, pipes and FIFOs, record locks, and the readiness that
// poll(2), kevent(2) and every blocking call wait for. The host's own files are in
// package hostfile, sockets in package socket; here they are Files like any other.
//
// Lock order, first taken first:
//
//	Table.mu < Description.mu < a file's own mutex < Queue.mu < a watcher's mutex
//
// Nobody sleeps while holding one of them: Block drops everything first.
package file
