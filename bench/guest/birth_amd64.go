package main

// forkExit forks a child that exits at once; vforkExit is the same with vfork. They
// return the child's process id, or an errno.
//
//go:noescape
func forkExit() (pid, errno uintptr)

//go:noescape
func vforkExit() (pid, errno uintptr)

// forkRead forks a child that reads a byte of standard input, and exits.
//
//go:noescape
func forkRead() (pid, errno uintptr)
