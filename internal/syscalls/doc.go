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
// would find it. A panic ends the guest (kern's Machine.Contain); FuzzCalls looks for one.
//
// # What a handler may hold
//
// A handler runs on its LWP's goroutine, with no lock held. It may sleep in kern, and it
// may never come back from there: an LWP that is to die ends in its next call of kern. So
// a handler that holds something of the host or of a pool releases it by defer.
package syscalls
