// Package callsites tests programs in C, without a library, whose system calls have the forms of
// NetBSD's libc: static, position-independent and dynamic ones, and a shared object that is mapped
// as ld.elf_so(1) does it. Each looks at its own code, so it knows which of its calls need no
// signal.
package callsites
