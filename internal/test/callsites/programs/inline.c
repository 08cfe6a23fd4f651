// System calls as compilers make them of inline assembly, by optimisation and language as the test says: C, and C++ alike. It
// prints how many calls its text has, and how many of them are rewritten.
typedef long L;
typedef unsigned char U8;

__attribute__((section(".note.netbsd.ident"), used, aligned(4)))
static const struct { unsigned n, d, t; char name[8]; unsigned v; } netbsd_note = {7, 4, 1, "NetBSD\0", 1000000000};

#ifdef __cplusplus
#define EXTERN extern "C"
#else
#define EXTERN extern
#endif
#define INLINE static inline __attribute__((always_inline))
#define CALL(...) L r; U8 failed; \
  __asm__ volatile("syscall\n\tsetc %1" : "=a"(r), "=&q"(failed), "+d"(c) : "0"(nr), ##__VA_ARGS__ : "rcx", "r11", "memory", "cc"); \
  return failed ? -r : r
INLINE L call0(L nr) { L c = 0; CALL(); }
INLINE L call1(L nr, L a) { L c = 0; CALL("D"(a)); }
INLINE L call2(L nr, L a, L b) { L c = 0; CALL("D"(a), "S"(b)); }
INLINE L call3(L nr, L a, L b, L c) { CALL("D"(a), "S"(b)); }
INLINE L call4(L nr, L a, L b, L c, L d) { register L r10 __asm__("r10") = d; CALL("D"(a), "S"(b), "r"(r10)); }
INLINE L call6(L nr, L a, L b, L c, L d, L e, L f) {
  register L r10 __asm__("r10") = d; register L r8 __asm__("r8") = e; register L r9 __asm__("r9") = f;
  CALL("D"(a), "S"(b), "r"(r10), "r"(r8), "r"(r9));
}
// An error by a branch, as in NetBSD's libc.
INLINE L jump3(L nr, L a, L b, L c) {
  L r;
  __asm__ volatile("syscall\n\tjae 1f\n\tneg %%rax\n1:" : "=a"(r), "+d"(c) : "0"(nr), "D"(a), "S"(b) : "rcx", "r11", "memory", "cc");
  return r;
}
__attribute__((noinline)) static L any(L nr, L a, L b, L c) { return call3(nr, a, b, c); }
__attribute__((noinline)) static L kevent(int kq, void *changes, L n, void *events, L room, void *limit) { return call6(435, kq, (L)changes, n, (L)events, room, (L)limit); }
__attribute__((noinline)) static L give(int fd, const void *b, L n) { return call3(4, fd, (L)b, n); }
__attribute__((noinline)) static L take(int fd, void *b, L n) { return jump3(3, fd, (L)b, n); }

static L length(const char *s) { L n = 0; while (s[n]) n++; return n; }
static void say(const char *s) { call3(4, 1, (L)s, length(s)); }
static void number(L v) { char b[24], *p = b + 24; L n = 0; do *--p = '0' + v % 10, n++; while (v /= 10); call3(4, 1, (L)p, n); }
static void fail(const char *what) { say(what); say("\n"); call1(1, 1); }
#define CHECK(cond) do { if (!(cond)) fail(#cond); } while (0)

static const char word[] = "word\n";
static L var = 39;
static void pipes(void) {
  int p[2], status = 0;
  char b[16];
  p[0] = p[1] = -1;
  CHECK(call2(453, (L)p, 0) == 0 && p[0] >= 0 && p[1] >= 0);
  for (int i = 0; i < 10; i++) CHECK(call3(4, p[1], (L)word, 5) == 5 && call3(3, p[0], (L)b, 16) == 5 && b[4] == '\n');
  CHECK(give(p[1], word, 4) == 4 && take(p[0], b, 4) == 4 && b[3] == 'd');
  L child = call0(2);
  if (child == 0) { give(p[1], &b[1], 1); call1(1, 7); }
  CHECK(child > 0 && call4(449, -1, (L)&status, 0, 0) == child && status == 7 << 8);
  CHECK(take(p[0], b, 16) == 1 && b[0] == 'o');
  CHECK(call1(6, p[0]) == 0 && call1(6, p[1]) == 0);
  CHECK(call1(6, p[0]) == -9 && take(p[0], b, 16) == -9); // EBADF
}
static void times(void) {
  L now[2], nap[2], none[2], later[2];
  nap[0] = 0, nap[1] = 1000, none[0] = none[1] = 0;
  CHECK(call2(427, 3, (L)now) == 0 && call2(430, (L)nap, 0) == 0 && call2(427, 3, (L)later) == 0);
  CHECK(later[0] * 1000000000 + later[1] >= now[0] * 1000000000 + now[1] + 1000);
  int kq = call0(344);
  CHECK(kq >= 0 && kevent(kq, 0, 0, now, 1, none) == 0 && call1(6, kq) == 0);
}
static void names(void) {
  L pid = any(20, 0, 0, 0), sum = 0;
  for (int i = 0; i < 100; i++) sum += call0(20) + call0(var);
  CHECK(sum == 100 * (pid + any(39, 0, 0, 0)));
  CHECK(call3(5, (L)"/none", 0, 0) == -2); // ENOENT
}

EXTERN __attribute__((visibility("hidden"))) U8 __executable_start[], etext[];
// counts goes through the text, of which the file has what it was.
static void counts(const char *self) {
  static U8 was[1 << 16];
  L fd = call3(5, (L)self, 0, 0), size = take(fd, was, sizeof was), calls = 0, changed = 0;
  for (L i = 0; i + 1 < etext - __executable_start && i + 1 < size; i++) {
    if (was[i] == 0x0f && was[i + 1] == 0x05) calls++;
    if (was[i] == __executable_start[i]) continue;
    CHECK(__executable_start[i] == 0xe9);
    changed++, i += 4;
  }
  number(changed); say(" of "); number(calls); say("\n");
}
EXTERN void cmain(L argc, char **argv) {
  for (int i = 0; i < 3; i++) pipes(), times(), names();
  counts(argv[0]);
  call1(1, 0);
}
__asm__(".globl _start\n_start: xor %ebp,%ebp\n mov (%rsp),%rdi\n lea 8(%rsp),%rsi\n and $-16,%rsp\n call cmain\n ud2\n");
