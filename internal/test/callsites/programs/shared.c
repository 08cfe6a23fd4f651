// A shared object with three calls in it, and a word of data; its entry is a table of where they are.
#include "kit.h"

LIBC(so_getpid, 20);
LIBC(so_getppid, 39);
// The number is a variable, which the call finds by where it is.
asm(".text\n.p2align 4,0x90\nso_variable: mov number(%rip),%eax\n mov %rcx,%r10\n syscall\n ret\nnumber: .long 39\n");
asm(".text\n.p2align 4,0x90\n.globl table\ntable: .long so_getpid-table, so_getppid-table, counter-table, so_variable-table\n");
u64 counter = 7; // data of its own
