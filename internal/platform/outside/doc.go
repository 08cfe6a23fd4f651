// Package outside starts programs of the host for a machine's guests, beside the sandbox, and
// meets the programs that these execute in turn: where one is the machine's, and none of
// Linux's, it hands it over to the machine.
//
//	Starter.ForkExec  starts a program from a thread that passes a filter on to it
//	Session           starts them in a session of the host's, with a terminal
//	supervisor        reads what an execve(2) below that filter is about, and lets it go on,
//	replacer          or makes another one of it, of a proxy in memory
//	Proxy             stands on the host for a process of the machine, with the pid that the
//	                  program's parent knows: passes signals in, and the end out
//
// The filter traps execve(2) and execveat(2), nothing else, and whatever is let go on has
// been read from memory that others can write. That is good enough: the programs have the
// rights of toaster's user, with or without it, and it keeps them from nothing.
package outside
