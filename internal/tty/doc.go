// Package tty holds the terminals of a machine: pseudo-terminals with NetBSD's line
// discipline (pair), the terminal of the user on the host (HostTTY), and the names in
// /dev that lead to them: ptmx, ptm, pts/N and tty.
//
//	controller side                 terminal side
//	(/dev/ptmx, a program            (/dev/pts/N, the programs
//	that plays the user)             that are played with)
//
//	write ──► input ──► raw ──line──► can ──► read
//	            │ echo
//	            ▼
//	read  ◄─── out ◄──── output ◄─────────── write
//
// Once a program of the host inherits either side the queues are the host's (twin).
//
// A terminal has a kern.TTY, where session and foreground group stand; this package
// implements kern.Terminal for it: Drain, Revoke and Release, with which the death of
// a session's leader takes the terminal away.
//
// The vocabulary is tty(4)'s and pty(4)'s. Numbers in parentheses, "(item 19)", are
// those of doc/lifecycle.md, the specification of the process life cycle.
//
// # Locks
//
//	pair.mu, HostTTY.mu < hostfile's locks < file.Queue < kern.Machine.mu
//
// Nobody sleeps while holding one. kern holds no lock when it calls the hooks of
// kern.Terminal; so this package may call kern, to signal the foreground group, while it holds a
// terminal's lock.
package tty
