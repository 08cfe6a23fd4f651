// Package syscalls holds NetBSD's system calls: a table with one row a call, and the
// handlers, one file a family. A handler is thin: it decodes what the guest gave, calls
// kern, file or vfs, and encodes the answer.
//
// # From the registers and back
//
// The run loop fills a Call with number and arguments, finds the handler by Lookup, and
// encodes what comes of it: on success the carry flag is clear and Ret is in RAX and RDX;
// an errno is in RAX with the flag set. Two that no guest sees are for the loop: ERESTART
// leads back to the instruction, and EJUSTRETURN leaves the registers as the handler set
// them.
//
// # What a guest can do here
//
// Numbers, arguments and all memory of a guest are hostile. A handler bounds every length
// before it allocates, takes no address for good, as Space does that, and reads a
// structure once: another LWP may change it meanwhile, so that what was checked must be
// what is used. Whatever is wrong becomes an errno, in the order in which NetBSD's kernel
// would find it. A panic ends the guest (kern/bug.go); FuzzCalls looks for one.
//
// # What a handler may hold
//
// A handler runs on its LWP's goroutine, with no lock held, and may sleep in kern. A call that
// ends the LWP, as exit(2), does not return to it: the goroutine goes. So what a handler has of
// the host or of a pool it releases by defer.
package syscalls
