// A shared object with two calls in it, and a word of data; its entry is a table of where they are.
#include "kit.h"

LIBC(so_getpid, 20);
LIBC(so_getppid, 39);
asm(".text\n.p2align 4,0x90\n.globl table\ntable: .long so_getpid-table, so_getppid-table, counter-table\n");
u64 counter = 7; // data of its own
