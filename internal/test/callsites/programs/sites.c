// Call sites by all ways into them, and text as ld.elf_so(1) maps it. The first argument says
// what to do; "ok" is said at the end, or what is wrong.
#include "kit.h"

LIBC(c_exit, 1); LIBC(c_fork, 2); LIBC(c_read, 3); LIBC(c_write, 4); LIBC(c_open, 5); LIBC(c_close, 6);
LIBC(c_getpid, 20); LIBC(c_ptrace, 26); LIBC(c_kill, 37); LIBC(c_getppid, 39); LIBC(c_execve, 59);
LIBC(c_pread, 173); LIBC(c_munmap, 73); LIBC(c_mprotect, 74); LIBC(c_pwrite, 174); LIBC(c_mmap7, 197); LIBC(c_nanosleep, 430);
LIBC(c_wait4, 449); LIBC(c_sigaction, 340); LIBC(c_pipe2, 453); LIBC(c_mremap, 411); LIBC(c_lwp_create, 309);
LIBC(c_getcontext, 307);
SLOW(s_getpid, 20);
long c_exit(long), c_fork(void), c_read(long, void *, long), c_write(long, const void *, long), c_open(const char *, long, long),
    c_close(long), c_getpid(void), c_ptrace(long, long, void *, long), c_kill(long, long), c_getppid(void),
    c_execve(const char *, void *, void *), c_munmap(void *, u64), c_mprotect(void *, u64, long),
    c_pwrite(long, const void *, long, long, long), c_pread(long, void *, long, long, long), c_mmap7(void *, u64, long, long, long, long, long), c_nanosleep(void *, void *),
    c_wait4(long, int *, long, void *), c_sigaction(long, void *, void *, void *, long), c_pipe2(int *, long),
    c_mremap(void *, u64, void *, u64, long), c_lwp_create(void *, u64, int *), c_getcontext(void *), s_getpid(void);

asm(".text\n.p2align 4,0x90\n.globl _start\n_start:\n xor %ebp,%ebp\n mov (%rsp),%rdi\n lea 8(%rsp),%rsi\n and $-16,%rsp\n call cmain\n ud2\n");
asm(".p2align 4,0x90\n.globl trampoline\n.hidden trampoline\ntrampoline: mov %r15,%rdi\n mov $308,%eax\n syscall\n mov $-1,%edi\n mov $1,%eax\n syscall\n");
// enter calls at any instruction of a site, with a number in eax.
asm(".p2align 4,0x90\n.globl enter\n.hidden enter\nenter: mov %rsi,%rax\n jmp *%rdi\n");
// stepped calls f with the trap flag set.
asm(".p2align 4,0x90\n.globl stepped\n.hidden stepped\nstepped: pushf\n orl $0x100,(%rsp)\n popf\n call *%rdi\n pushf\n andl $0xfffffeff,(%rsp)\n popf\n ret\n");
long enter(void *, long), stepped(void *);
void trampoline(void);
extern char __executable_start[], etext[];
void *memset(void *p, int c, u64 n) { u8 *b = p; while (n--) *b++ = c; return p; }
void *memcpy(void *d, const void *s, u64 n) { u8 *a = d; const u8 *b = s; while (n--) *a++ = *b++; return d; }

static void say(const char *s) { c_write(1, s, length(s)); }
static void number(long v) { char b[24]; int i = 24; u64 u = v < 0 ? -v : v; do b[--i] = '0' + u % 10; while (u /= 10); if (v < 0) b[--i] = '-'; c_write(1, b + i, 24 - i); }
static void fail(const char *what, long v) { say(what); say(": "); number(v); say("\n"); c_exit(1); }
#define CHECK(cond, v) do { if (!(cond)) fail(#cond, (long)(v)); } while (0)
static void pause_(long us) { long t[2] = {us / 1000000, us % 1000000 * 1000}; c_nanosleep(t, 0); }

enum { R = 1, W = 2, X = 4, SHARED = 1, PRIVATE = 2, FIXED = 0x10, ANON = 0x1000, RIP = 21, RFLAGS = 23 };
static long map(void *at, u64 size, long prot, long flags, long fd, long off) { // mmap(2)'s pad and offset lie on the stack
  long r; u8 cf; register long r10 asm("r10") = flags, r8 asm("r8") = fd, r9 asm("r9") = 0;
  asm volatile("push %[off]\n push %[off]\n mov $197,%%eax\n syscall\n setc %[cf]\n pop %[off]\n pop %[off]"
               : "=&a"(r), [cf] "=&b"(cf), "+d"(prot) : "D"(at), "S"(size), "r"(r10), "r"(r8), "r"(r9), [off] "r"(off) : "rcx", "r11", "memory", "cc");
  return cf ? -r : r;
}

static void handle(int sig, void (*f)(int, void *, u64 *), int flags) {
  struct { void *f; u64 mask[2]; int flags; } act = {f, {0, 0}, flags | 0x40 /* SA_SIGINFO */};
  CHECK(c_sigaction(sig, &act, 0, trampoline, 2) == 0, sig);
}
#define GREGS(uc) ((uc) + 7)

static void middle(void) {
  CHECK(REWRITTEN(c_getpid) && ORIGINAL(s_getpid), *(u8 *)c_getpid);
  long pid = s_getpid(), ppid = c_getppid();
  for (int i = 0; i < 100; i++) {
    CHECK(c_getpid() == pid, i);
    CHECK(enter((u8 *)c_getpid + TAIL, 20) == pid, i);
    CHECK(enter((u8 *)c_getpid + TAIL, 39) == ppid, i);
    CHECK(enter((u8 *)c_getpid + CALL, 39) == ppid, i);
    CHECK(c_close(-1) == -9 && enter((u8 *)c_close + CALL, 6) == -9, i);
  }
}

static u64 seen[64];
static volatile int steps;
static void onStep(int sig, void *info, u64 *uc) { if (steps < 64) seen[steps++] = GREGS(uc)[RIP]; }
static void step(void) {
  handle(5, onStep, 0);
  long pid = s_getpid();
  for (int i = 0; i < 20; i++) {
    steps = 0;
    CHECK(stepped(c_getpid) == pid, i);
    u64 at = (u64)c_getpid, want[] = {at, at + TAIL, at + CALL};
    int n = 0;
    for (int k = 0; k < steps; k++) {
      CHECK(seen[k] >= (u64)__executable_start && seen[k] < (u64)etext, seen[k]);
      if (n < 3 && seen[k] == want[n]) n++;
    }
    CHECK(n == 3, n);
  }
}

static volatile long signals, astray;
static void onSignal(int sig, void *info, u64 *uc) {
  signals++;
  if (GREGS(uc)[RIP] < (u64)__executable_start || GREGS(uc)[RIP] >= (u64)etext) astray = GREGS(uc)[RIP];
}
static void interrupted(void) {
  handle(30, onSignal, 2 /* SA_RESTART */);
  long pid = s_getpid(), child = c_fork();
  if (child == 0) { for (int i = 0; i < 2000; i++) c_kill(pid, 30); c_exit(0); }
  int status = -1;
  for (u64 i = 0;; i++) {
    CHECK(c_getpid() == pid, i);
    CHECK(c_close(-1) == -9, i);
    if (c_wait4(child, &status, 1 /* WNOHANG */, 0) == child) break;
  }
  CHECK(signals > 0 && astray == 0 && status == 0, astray);
  // A read that a signal interrupts is made again: PC goes back to the system call instruction.
  int fds[2]; char c = 0;
  CHECK(c_pipe2(fds, 0) == 0, 0);
  signals = 0;
  if ((child = c_fork()) == 0) { for (int i = 0; i < 5; i++) { pause_(10000); c_kill(pid, 30); } pause_(10000); c_write(fds[1], "x", 1); c_exit(0); }
  CHECK(c_read(fds[0], &c, 1) == 1 && c == 'x', c);
  CHECK(signals > 0 && astray == 0 && c_wait4(child, &status, 0, 0) == child, astray);
}

// The shared object, as a dynamic linker maps it: all of it as its text, then its data.
static u8 *so; static u64 soSize, textSize; static long soFD; static u32 entry, textOff, textAt, dataOff, dataAt;
static int once; // its text is mapped once, with the whole
static long (*so_getpid)(void), (*so_getppid)(void), (*so_variable)(void);
static volatile u64 *so_counter;
static void find(void) { int *table = (int *)(so + entry); so_getpid = (void *)((u8 *)table + table[0]); so_getppid = (void *)((u8 *)table + table[1]); so_counter = (void *)((u8 *)table + table[2]); so_variable = (void *)((u8 *)table + table[3]); }
static void load(void) {
  static u64 head[512];
  CHECK((soFD = c_open("/shared.so", 2, 0)) >= 0, soFD);
  CHECK(c_read(soFD, head, sizeof head) > 64, 0);
  u8 *ph = (u8 *)head + head[4]; int n = *(unsigned short *)((u8 *)head + 56);
  entry = head[3]; soSize = 0;
  for (int i = 0; i < n; i++) { u64 *p = (u64 *)(ph + 56 * i); if ((u32)p[0] == 1) soSize = (p[2] + p[5] + 4095) & ~4095; }
  long r = map(0, soSize, R | X, PRIVATE, soFD, 0);
  CHECK(r > 0, r);
  so = (u8 *)r;
  for (int i = 0; i < n; i++) {
    u64 *p = (u64 *)(ph + 56 * i); u32 flags = p[0] >> 32; u64 at = p[2] & ~4095, off = p[1] & ~4095, size = (p[2] + p[5] + 4095 & ~4095) - at;
    if ((u32)p[0] != 1) continue;
    if (flags & 1) { textAt = at, textOff = off, textSize = size; }
    if (flags & 2) { dataAt = at, dataOff = off; }
    if (once && at == off) continue;
    CHECK((r = map(so + at, size, (flags & 4 ? R : 0) | (flags & 2 ? W : 0) | (flags & 1 ? X : 0), PRIVATE | FIXED, soFD, off)) == (long)so + at, r);
  }
  find();
}
static u8 *island(void *f) { return (u8 *)f + 5 + *(int *)((u8 *)f + 1); }
static void works(void) { for (int i = 0; i < 5; i++) { CHECK(so_getpid() == s_getpid(), i); CHECK(so_getppid() == c_getppid(), i); CHECK(so_variable() == c_getppid(), i); CHECK(enter((u8 *)so_getpid + CALL, 39) == c_getppid(), i); } }

// reload maps the text alone, behind what was there.
static void reload(long prot, long flags) {
  long r = map(so + textAt, textSize, prot, flags | FIXED, soFD, textOff);
  CHECK(r == (long)so + textAt, r);
}
static void fresh(void) { c_munmap(so + textAt, textSize); reload(R | X, PRIVATE); CHECK(REWRITTEN(so_getpid) && REWRITTEN(so_variable), *(u8 *)so_getpid); works(); }

static void sharedObject(void) {
  load();
  fresh();
  for (int i = 0; i < 300; i++) { // dlopen and dlclose: nothing piles up
    CHECK(c_munmap(so, soSize) == 0, i);
    c_close(soFD);
    load();
  }
  fresh();
  int status;
  long child = c_fork();
  if (child == 0) { CHECK(REWRITTEN(so_getpid), 0); works(); c_exit(0); }
  CHECK(c_wait4(child, &status, 0, 0) == child && status == 0, status);
  // What is to be written is what it was, and what is code again is rewritten again.
  CHECK(c_mprotect(so + textAt, textSize, R | W) == 0 && ORIGINAL(so_getpid), *(u8 *)so_getpid);
  CHECK(c_mprotect(so + textAt, textSize, R | X) == 0 && REWRITTEN(so_getpid), *(u8 *)so_getpid);
  works();
  // Memory over the islands.
  u8 *at = (u8 *)((u64)island(so_getpid) & ~4095);
  CHECK(map(at, 4096, R | W, PRIVATE | ANON | FIXED, -1, 0) == (long)at, 0);
  c_getpid();
  CHECK(ORIGINAL(so_getpid), *(u8 *)so_getpid);
  memset(at, 0xf4, 4096);
  works();
  fresh();
  at = (u8 *)((u64)island(so_getpid) & ~4095);
  CHECK(c_munmap(at, 4096) == 0 && ORIGINAL(so_getpid), *(u8 *)so_getpid);
  works();
  // Text elsewhere.
  fresh();
  u8 *old = so + textAt, *to = (u8 *)map(0, 2 * textSize, 0, PRIVATE | ANON, -1, 0);
  CHECK(c_munmap(to, textSize) == 0, 0); // mremap(2) replaces nothing
  CHECK(c_mremap(old, textSize, to, textSize, FIXED) == (long)to, 0);
  so_getpid = (void *)((u8 *)so_getpid + (to - old)), so_getppid = (void *)((u8 *)so_getppid + (to - old)), so_variable = (void *)((u8 *)so_variable + (to - old));
  works();
  CHECK(c_munmap(to, textSize) == 0, 0);
  // Ways to text that is not mapped as such at once; what others may change stays as it is.
  reload(R | W, PRIVATE);
  find();
  CHECK(ORIGINAL(so_getpid), 0);
  CHECK(c_mprotect(so + textAt, textSize, R | X) == 0 && REWRITTEN(so_getpid), *(u8 *)so_getpid);
  works();
  c_munmap(so + textAt, textSize);
  reload(R, PRIVATE);
  CHECK(c_mprotect(so + textAt, textSize, R | X) == 0 && REWRITTEN(so_getpid), *(u8 *)so_getpid);
  works();
  c_munmap(so + textAt, textSize);
  reload(R | X, SHARED);
  CHECK(ORIGINAL(so_getpid), 0);
  works();
  c_munmap(so + textAt, textSize);
  reload(R | W | X, PRIVATE);
  CHECK(ORIGINAL(so_getpid), 0);
  works();
  reload(R | X, PRIVATE); // over code that somebody might be executing
  works();
  // Code that was changed before it became code keeps what it was changed to.
  c_munmap(so + textAt, textSize);
  reload(R | W, PRIVATE);
  ((u8 *)so_getpid)[1] = 39;
  CHECK(c_mprotect(so + textAt, textSize, R | X) == 0, 0);
  CHECK(so_getpid() == c_getppid() && so_getppid() == c_getppid(), 0);
}

// A file that is changed while it is mapped, and mapped again: the new mapping is the new file.
static void changed(void) {
  load();
  fresh();
  long off = (u8 *)so_getpid - (so + textAt) + textOff;
  for (int i = 0; i < 5; i++) {
    u8 nr = i % 2 ? 20 : 39;
    CHECK(c_pwrite(soFD, &nr, 1, 0, off + 1) == 1, i);
    c_munmap(so + textAt, textSize);
    reload(R | X, PRIVATE);
    CHECK(so_getpid() == (i % 2 ? c_getpid() : c_getppid()), i);
  }
  u64 nop = 0x9090909090909090; // no site any more, and a site again
  u8 b[10]; memcpy(b, "\xb8\x14\0\0\0\x49\x89\xca\x0f\x05", 10);
  CHECK(c_pwrite(soFD, &nop, 5, 0, off) == 5, 0);
  c_munmap(so + textAt, textSize);
  reload(R | X, PRIVATE);
  CHECK(*(u8 *)so_getpid == 0x90, *(u8 *)so_getpid);
  CHECK(c_pwrite(soFD, b, 10, 0, off) == 10, 0);
  fresh();
}

// More texts than are looked after: the others work as well, and so do the next ones once there
// is room.
static void many(void) {
  enum { N = 100 };
  long at[N], rewritten = 0;
  load();
  for (int i = 0; i < N; i++) {
    CHECK((at[i] = map(0, textSize, R | X, PRIVATE, soFD, textOff)) > 0, at[i]);
    long d = at[i] - (long)(so + textAt);
    long (*f)(void) = (void *)((long)so_getpid + d);
    CHECK(f() == s_getpid(), i);
    rewritten += REWRITTEN(f);
  }
  CHECK(rewritten > 10 && rewritten < N, rewritten);
  for (int i = 0; i < N; i++) CHECK(c_munmap((void *)at[i], textSize) == 0, i);
  fresh();
}

// What a program maps again at each start: it finds the file as it is, in memory of its own, and nothing anywhere before it
// asks for it. reach says how an address can be read: 0, or the code of the signal.
long reach(const void *);
extern char reached[];
asm(".text\n.p2align 4,0x90\n.globl reach\n.hidden reach\nreach: movzbl (%rdi),%eax\n xor %eax,%eax\n ret\n.globl reached\n.hidden reached\nreached: mov %rsi,%rax\n ret\n");
static void onFault(int sig, void *info, u64 *uc) {
  CHECK(((int *)info)[0] == 11 && ((u64 *)info)[2] == GREGS(uc)[0] /* RDI */, ((u64 *)info)[2]);
  GREGS(uc)[RIP] = (u64)reached, GREGS(uc)[1] = ((int *)info)[1];
}
static u8 *const shelf = (u8 *)0x6a0000000000;
enum { SHELF = 1 << 20 };
static void nothing(void) {
  for (u8 *p = shelf - 4096; p < shelf + SHELF; p += 4096) CHECK(reach(p) == 1 /* SEGV_MAPERR */, p - shelf);
  CHECK(c_write(1, shelf, 1) == -14, 0);
}
static void library(int cover) {
  once = 1;
  handle(11, onFault, 0);
  nothing();
  if (cover == 1) {
    CHECK(map(shelf, SHELF, R | W, PRIVATE | ANON | FIXED, -1, 0) == (long)shelf, 0);
    for (u8 *p = shelf; p < shelf + SHELF; p += 4096) { CHECK(*p == 0, p - shelf); *p = 1; }
  }
  long fd = c_open("/shared.so", 0, 0), r;
  if (cover == 3) for (int i = 0; i < 4; i++) CHECK((r = map(shelf + 4096 * i, 4096, R, SHARED | FIXED, fd, 0)) == (long)shelf + 4096 * i && *(u32 *)r == 0x464c457f, r);
  r = map(0, 4096, R, SHARED, fd, 0); // as ld.elf_so does, to look at the header
  CHECK(r > 0 && *(u32 *)r == 0x464c457f, r);
  CHECK(c_mprotect((void *)r, 4096, R | W) == -13 /* EACCES */, 0);
  CHECK(c_munmap((void *)r, 4096) == 0 && reach((void *)r) == 1, 0);
  if (cover == 2) CHECK(map(0, 0x5000, R | W, PRIVATE | ANON, -1, 0) > 0, 0); // all else goes to other places
  load();
  CHECK(REWRITTEN(so_getpid) && REWRITTEN(so_getppid), *(u8 *)so_getpid);
  works();
  CHECK(c_mprotect(so, textAt, R) == 0, 0);
  for (u64 i = 0; i < textSize; i += 4096) CHECK(reach(so + textAt + i) == 0, i);
  u64 want = 0;
  CHECK(c_pread(soFD, &want, 8, 0, (u8 *)so_counter - (so + dataAt) + dataOff) == 8 && *so_counter == want, *so_counter);
  int status;
  long child = c_fork();
  if (child == 0) { works(); CHECK(*so_counter == want, *so_counter); if (cover == 0 || cover == 2) nothing(); *so_counter = 1; c_exit(0); }
  CHECK(c_wait4(child, &status, 0, 0) == child && status == 0, status);
  CHECK(*so_counter == want, *so_counter);
  *so_counter = 2;
  if (cover == 1) for (u8 *p = shelf; p < shelf + SHELF; p += 4096) CHECK(*p == 1, p - shelf);
  fresh(); // and once more, when it is not for the first time
  CHECK(c_munmap(so, soSize) == 0 && reach(so + textAt) == 1, 0);
  c_close(soFD);
  load();
  works();
}
static void again(char *self) {
  load();
  char *modes[] = {"library", "library-covered", "library-elsewhere", "library-upon"};
  for (int i = 0; i < 24; i++) {
    if (i % 8 == 7) { // another file from now on
      u64 count = 100 + i;
      CHECK(c_pwrite(soFD, &count, 8, 0, (u8 *)so_counter - (so + dataAt) + dataOff) == 8, i);
    }
    int status;
    long child = c_fork();
    if (child == 0) { char *av[] = {self, i < 5 || i % 3 ? modes[0] : modes[1 + i / 3 % 3], 0}; fail("exec", c_execve(self, av, 0)); }
    CHECK(c_wait4(child, &status, 0, 0) == child && status == 0, status);
  }
}

// Another LWP is in the text while its protection changes: it is never changed under its feet.
static volatile long calls, wrong;
static void other(void) { for (long pid = s_getpid();; calls++) if (so_getpid() != pid) wrong++; }
static void beside(void) {
  static u64 context[98] __attribute__((aligned(16))), stack[8192];
  load();
  fresh();
  CHECK(c_getcontext(context) == 0, 0);
  context[7 + RIP] = (u64)other;
  context[7 + 24] = (u64)(stack + 8190) & ~15 | 8;
  int lid;
  CHECK(c_lwp_create(context, 0, &lid) == 0, lid);
  while (calls == 0) pause_(1000);
  for (int i = 0; i < 300; i++) {
    CHECK(c_mprotect(so + textAt, textSize, R | W | X) == 0, i);
    CHECK(REWRITTEN(so_getpid), i);
    works();
    CHECK(c_mprotect(so + textAt, textSize, R | X) == 0, i);
    works();
  }
  CHECK(wrong == 0, wrong);
}

static long peek(long pid, void *at) { return c_ptrace(1 /* PT_READ_I */, pid, at, 0); }
static void traced(void) {
  int status; u64 regs[26];
  u8 *f = (u8 *)c_getpid;
  for (int off = HEAD; off <= CALL; off = off == HEAD ? TAIL : off == TAIL ? CALL : CALL + 1) {
    long child = c_fork();
    if (child == 0) {
      c_ptrace(0, 0, 0, 0);
      c_kill(s_getpid(), 17 /* SIGSTOP */);
      c_exit(c_getpid() == s_getpid() ? 7 : 8);
    }
    CHECK(c_wait4(child, &status, 0, 0) == child && status == 0x117f, status);
    CHECK((int)peek(child, f) == 0x000014b8 && (int)peek(child, f + 4) == (int)0xca894900, peek(child, f));
    int word = peek(child, f + off);
    CHECK(c_ptrace(4 /* PT_WRITE_I */, child, f + off, word & ~255 | 0xcc) == 0, off);
    CHECK(c_ptrace(7 /* PT_CONTINUE */, child, (void *)1, 0) == 0, off);
    CHECK(c_wait4(child, &status, 0, 0) == child && status == 0x057f, status);
    CHECK(c_ptrace(33 /* PT_GETREGS */, child, regs, 0) == 0, off);
    CHECK(regs[RIP] == (u64)f + off + 1, regs[RIP] - (u64)f);
    CHECK(c_ptrace(4, child, f + off, word) == 0, off);
    regs[RIP]--;
    CHECK(c_ptrace(34 /* PT_SETREGS */, child, regs, 0) == 0, off);
    for (int i = off; i < CALL; i = i == HEAD ? TAIL : CALL) { // step to the call
      CHECK(c_ptrace(32 /* PT_STEP */, child, (void *)1, 0) == 0, i);
      CHECK(c_wait4(child, &status, 0, 0) == child && status == 0x057f, status);
      CHECK(c_ptrace(33, child, regs, 0) == 0 && regs[RIP] == (u64)f + (i == HEAD ? TAIL : CALL), regs[RIP] - (u64)f);
    }
    CHECK(c_ptrace(7, child, (void *)1, 0) == 0, off);
    CHECK(c_wait4(child, &status, 0, 0) == child && status == 0x700, status);
  }
}

void cmain(long argc, char **argv) {
  if (equal(argv[1], "middle")) middle();
  else if (equal(argv[1], "step")) step();
  else if (equal(argv[1], "interrupted")) interrupted();
  else if (equal(argv[1], "shared")) sharedObject();
  else if (equal(argv[1], "again")) again(argv[0]);
  else if (equal(argv[1], "library")) { library(0); c_exit(0); }
  else if (equal(argv[1], "library-covered")) { library(1); c_exit(0); }
  else if (equal(argv[1], "library-elsewhere")) { library(2); c_exit(0); }
  else if (equal(argv[1], "library-upon")) { library(3); c_exit(0); }
  else if (equal(argv[1], "changed")) changed();
  else if (equal(argv[1], "traced")) traced();
  else if (equal(argv[1], "many")) many();
  else if (equal(argv[1], "beside")) beside();
  else if (equal(argv[1], "exec")) { char *av[] = {argv[0], "middle", 0}; fail("exec", c_execve(argv[0], av, 0)); }
  else fail("no such mode", 0);
  say("ok\n");
  c_exit(0);
}
