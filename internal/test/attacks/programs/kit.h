// Freestanding NetBSD/amd64 guest kit for the review (raw system calls).
typedef unsigned long u64; typedef unsigned int u32; typedef unsigned char u8; typedef int i32; typedef unsigned short u16;
#define STUB 0x7fa000000000UL
#define CFG  (STUB+0x2000)
#define CTL  0x7fb000000000UL
#define GUESTEND 0x7f8000000000UL
// NetBSD note: makes the image a NetBSD one.
__attribute__((section(".note.netbsd.ident"),used,aligned(4)))
static const struct { u32 n,d,t; char name[8]; u32 v; } netbsd_note = {7,4,1,"NetBSD\0",1100000000};

static long sys7(long nr,long a,long b,long c,long d,long e,long f,long g){
  register long r10 asm("r10")=d; register long r8 asm("r8")=e; register long r9 asm("r9")=f;
  long ret=nr; u8 cf;
  asm volatile("subq $16,%%rsp; movq %[g],8(%%rsp); jmp 9f; 9: syscall; setc %[cf]; leaq 16(%%rsp),%%rsp"
    : "+a"(ret), "+D"(a), "+S"(b), "+d"(c), "+r"(r10), "+r"(r8), "+r"(r9), [cf]"=&r"(cf)
    : [g]"r"(g) : "rcx","r11","memory","cc");
  return cf ? -(ret&0xffff) : ret;
}
#define S(nr,...) S_(nr,##__VA_ARGS__,0,0,0,0,0,0,0)
#define S_(nr,a,b,c,d,e,f,g,...) sys7(nr,(long)(a),(long)(b),(long)(c),(long)(d),(long)(e),(long)(f),(long)(g))
static u64 slen(const char*s){u64 n=0;while(s[n])n++;return n;}
static void puts_(const char*s){S(4,1,s,slen(s));}
static void hex(u64 v){char b[19];int i=18;b[18]=0;do{b[--i]="0123456789abcdef"[v&15];v>>=4;}while(v);b[--i]='x';b[--i]='0';puts_(b+i);}
static void dec(long v){char b[24];int i=23,n=v<0;u64 u=n?-v:v;b[23]=0;do{b[--i]='0'+u%10;u/=10;}while(u);if(n)b[--i]='-';puts_(b+i);}
static void say(const char*s,long v){puts_(s);dec(v);puts_("\n");}
static void sayx(const char*s,u64 v){puts_(s);hex(v);puts_("\n");}
static void die(int c){for(;;)S(1,c);}
static void msleep(long ms){long ts[2]={ms/1000,(ms%1000)*1000000};S(430,ts,0);}
static long mmap_(u64 addr,u64 len,int prot,int flags){return S(197,addr,len,prot,flags,-1,0,0);}
#define M_SHARED 1
#define M_PRIVATE 2
#define M_FIXED 0x10
#define M_ANON 0x1000
static void zero(void*p,u64 n){u8*b=p;while(n--)*b++=0;}
void*memset(void*p,int c,u64 n){u8*b=p;while(n--)*b++=c;return p;}
void*memcpy(void*d,const void*s,u64 n){u8*a=d;const u8*b=s;while(n--)*a++=*b++;return d;}
static int streq(const char*a,const char*b){while(*a&&*a==*b)a++,b++;return *a==*b;}
static long atoi_(const char*s){long n=0;while(*s>='0'&&*s<='9')n=n*10+*s++-'0';return n;}
static long fork_(void){
  register long ret asm("rax")=2; register long rdx asm("rdx")=0; u8 cf;
  asm volatile("jmp 9f; 9: syscall; setc %[cf]":"+r"(ret),"+r"(rdx),[cf]"=&r"(cf)::"rcx","r11","memory","cc");
  return cf?-ret:ret;
}
// The child is on its parent's stack, and must not return.
static inline __attribute__((always_inline)) long vfork_(void){
  register long ret asm("rax")=66; register long rdx asm("rdx")=0; u8 cf;
  asm volatile("jmp 9f; 9: syscall; setc %[cf]":"+r"(ret),"+r"(rdx),[cf]"=&r"(cf)::"rcx","r11","memory","cc");
  return cf?-ret:ret;
}
// Linux ucontext, as rt_sigreturn takes it.
struct uc { u64 flags,link,ss_sp,ss_flags,ss_size,r8,r9,r10,r11,r12,r13,r14,r15,rdi,rsi,rbp,rbx,rdx,rax,rcx,rsp,rip,eflags,segs,err,trapno,oldmask,cr2,fp,res[8],mask; };
#define SEGS (0x33UL|0x2bUL<<48)
static volatile u64 slotSize;
static u64 slotAddr=CTL; // of this LWP
static u64 gA,gR,gClone,gLight,gMap;
static u64 find(const char*pat,int n){
  const u8*p=(const u8*)STUB;
  for(u64 i=0;i+n<0x2000;i++){int j=0;while(j<n&&p[i+j]==(u8)pat[j])j++;if(j==n)return STUB+i;}
  return 0;
}
static void gadgets(void){
  slotSize=~*(u64*)CFG+1;
  gA=find("\xb8\x18\0\0\0\x0f\x05\x31\xc0",9); if(gA)gA+=5;        // handler: yield; syscall; xor; ... rt_sigreturn(DX)
  gR=find("\x48\x89\xd4\xb8\x0f\0\0\0\x0f\x05",10);                  // movq rdx,rsp; rt_sigreturn
  gClone=find("\x0f\x1f\x80""clon\x0f\x05",9); if(gClone)gClone+=7;
  gLight=find("\x0f\x1f\x80""llon\x0f\x05",9); if(gLight)gLight+=7;
  gMap=find("\xb8\x09\0\0\0\x0f\x05\x0f\x1f\x80map0",14);
}
struct uc ruc; // raw's return context
u64 raw_target;
static u64 raw_sp,raw_ss; // signal stack that raw leaves behind
long raw_(u64 nr,u64 di,u64 si,u64 r10,u64 r8,u64 r9);
asm(".text\n.globl raw_\nraw_:\n push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"
 " lea ruc(%rip),%rax\n mov %rsp,160(%rax)\n lea 1f(%rip),%r11\n mov %r11,168(%rax)\n movq $0x202,176(%rax)\n"
 " movabs $0x002b000000000033,%r11\n mov %r11,184(%rax)\n movq $0,224(%rax)\n movq $0,296(%rax)\n"
 " mov %rdi,%r11\n mov %rsi,%rdi\n mov %rdx,%rsi\n mov %rcx,%r10\n mov %rax,%rdx\n mov %r11,%rax\n"
 " mov raw_target(%rip),%r11\n jmp *%r11\n"
 "1: pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n ret\n");
// A host system call from the stub's address; the result is lost.
static void raw(u64 nr,u64 di,u64 si,u64 r10,u64 r8,u64 r9){
  zero(&ruc,sizeof ruc); ruc.ss_sp=raw_sp?raw_sp:slotAddr+0x1800; ruc.ss_size=raw_sp?raw_ss:slotSize-0x1800;
  raw_target=gA; raw_(nr,di,si,r10,r8,r9);
}
void goto_uc_(void*uc,u64 target);
asm(".text\n.globl goto_uc_\ngoto_uc_: mov %rdi,%rdx\n jmp *%rsi\n");
static void goto_uc(struct uc*u){goto_uc_(u,gR);__builtin_unreachable();}
static void rawsleep(u64 sec,u64 ns){static u64 ts[2];ts[0]=sec;ts[1]=ns;raw(35,(u64)ts,0,0,0,0);}

// A forged trap: this LWP's slot says that a system call has been made, while the
// thread goes on in guest code.
static u32 xchg(volatile u32*p,u32 v){asm volatile("xchgl %0,%1":"+r"(v),"+m"(*p)::"memory");return v;}
#define W32(a) (*(volatile u32*)(a))
#define W64(a) (*(volatile u64*)(a))
static void forge(u64 nr,u64 a,u64 b,u64 c,u64 fpoff,u32 fpsize){
  u64 s=slotAddr, f=s+0x1800, info=f+0x140, fp=f+0x1c0;
  zero((void*)f,0x1c0);
  struct uc*u=(void*)f; u->rax=nr;u->rdi=a;u->rsi=b;u->rdx=c;u->rip=0x401000;u->rsp=(u64)&u&~15UL;u->eflags=0x202;u->segs=SEGS;
  u->ss_sp=s+0x1800;u->ss_size=slotSize-0x1800;
  if(fpoff){u->fp=fp; zero((void*)fp,fpsize<0x240?0x240:fpsize); W32(fp+464)=0x46505853; W32(fp+468)=fpsize; W64(fp+472)=7; W32(fp+480)=fpsize;}
  W64(info+16)=0x401000; W32(info+28)=0xc000003e; W32(info)=31; W32(info+8)=1;
  W32(s+0x3c)=0; W32(s+0x0c)=31; W64(s+0x10)=f; W64(s+0x18)=info;
  W32(s+4)=0xffff;
  if(xchg((volatile u32*)s,2)==1) raw(202,s,1,0,0,0);
}

// What the programs of our own share.

static u64 rng=88172645463325252UL;
static u64 rnd(void){rng^=rng<<13;rng^=rng>>7;rng^=rng<<17;return rng;}
static u64 pick(const u64*list,int n){return list[rnd()%n];}
#define PICK(list) pick(list,sizeof(list)/sizeof*(list))
static void pause_(long n){for(;n>0;n--)asm volatile("pause");}

// An LWP that runs f on a stack of its own; it does not return from it.
static long lwp_(void(*f)(void),u64 stack){
  static u64 nuc[98]; i32 lid=0;
  zero(nuc,sizeof nuc); S(307,nuc); nuc[7+21]=(u64)f; nuc[7+24]=(stack-64)|8;
  long e=S(309,nuc,0,&lid); return e<0?e:lid;
}
static u64 stack_(void){return mmap_(0,1<<16,3,M_PRIVATE|M_ANON)+(1<<16);}
static void lwpspin(void){for(;;){asm volatile("pause");}}
static void lwpsleep(void){for(;;)msleep(1000);}
static void lwpcall(void){for(;;)S(20);}

// With an argument that says so the process has LWPs beside its first: one that spins, one
// that sleeps, one that calls.
static void company(int argc,char**argv){
  for(int i=1;i<argc;i++) if(streq(argv[i],"lwps")){ lwp_(lwpspin,stack_()); lwp_(lwpsleep,stack_()); lwp_(lwpcall,stack_()); }
}

// action sets what becomes of a signal: 0 its default, 1 nothing.
static void action(int sig,u64 h){ struct {u64 h,m[2];u32 f,pad;} sa={h,{0,0},0,0}; S(340,sig,&sa,0,0,0); }

// apart makes the difference between a program and the children in which it tries things. A
// child that forges its slot sends its own signals to other numbers than it means, to its
// group (0) and to the program among them; that is its right, and must not look like a fault
// of the kernel. So the program ignores what its children send, and they leave its group.
static void apart(int child){ action(15,!child); action(30,!child); if(child) S(147); }

// slay kills a child of a child. A number above 255 does not become the program's own by the
// change of one byte; the others have a signal that the program ignores.
static void slay(long c){ S(37,c,c>255?9:15); }

// try_ runs f(arg) in a child, which is killed after some milliseconds if it lives on, with
// its group: the child may have become the parent of a vfork(2), which waits for its own child
// whoever kills it (fork1, sys/kern/kern_fork.c). It says what wait4 says of the child.
static long try_(void(*f)(u64),u64 arg,long ms){
  apart(0); long c=fork_(); if(c==0){ apart(1); f(arg); die(0); } if(c<0) return c;
  i32 s=0; for(long i=0;i<ms;i++){ long w=S(449,c,&s,1/*WNOHANG*/,0); if(w==c) return s; msleep(1); }
  S(37,c,9); S(37,-c,9); while(S(449,c,&s,0,0)==-4); return s;
}
