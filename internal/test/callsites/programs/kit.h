// What the programs here share: calls as NetBSD's libc makes them (SYSTRAP of
// sys/arch/amd64/SYS.h in src/lib/libc), in functions of their own, and what needs them.
typedef unsigned long u64;
typedef unsigned int u32;
typedef unsigned char u8;

__attribute__((section(".note.netbsd.ident"), used, aligned(4)))
static const struct { u32 n, d, t; char name[8]; u32 v; } netbsd_note = {7, 4, 1, "NetBSD\0", 1000000000};

// paxctl +m: text may become writable, and writable memory code, which PaX MPROTECT forbids to others.
__attribute__((section(".note.netbsd.pax"), used, aligned(4)))
static const struct { u32 n, d, t; char name[4]; u32 v; } pax_note = {4, 4, 3, "PaX", 2};

#pragma GCC visibility push(hidden) // nobody relocates these programs

#define LIBC(name, nr) \
  asm(".text\n.p2align 4,0x90\n.globl " #name "\n.hidden " #name "\n.type " #name ",@function\n" \
      #name ": mov $" #nr ",%eax\n mov %rcx,%r10\n syscall\n jb 1f\n ret\n1: neg %rax\n ret\n")

// A jump between number and call leaves the call as it is.
#define SLOW(name, nr) \
  asm(".text\n.p2align 4,0x90\n.globl " #name "\n.hidden " #name "\n.type " #name ",@function\n" \
      #name ": mov $" #nr ",%eax\n jmp 2f\n2: syscall\n jb 1f\n ret\n1: neg %rax\n ret\n")

enum { HEAD = 0, TAIL = 5, CALL = 8 }; // the instructions of a libc's call site
#define REWRITTEN(f) (*(volatile u8 *)(f) == 0xe9)
#define ORIGINAL(f) (*(volatile u8 *)(f) == 0xb8)

static u64 length(const char *s) { u64 n = 0; while (s[n]) n++; return n; }
static int equal(const char *a, const char *b) { while (*a && *a == *b) a++, b++; return *a == *b; }
