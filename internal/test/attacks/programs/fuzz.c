// fuzz SEED PROCS LWPS STEPS KINDS BIRTHS: what a campaign runs. Several processes of several LWPs
// do random things that are hostile, of these kinds (a bit set):
//   1 system calls with arguments that matter   2 words of slots overwritten
//   4 forged frames and calls                   8 system calls of the host by the stub
//  16 rt_sigreturn to places of the stub       32 orders that are not answered
//  64 kills of each other                     128 files mapped and lent, programs executed
#include "kit.h"
#include "start.h"
static char *args[9], *envp_[1];
static long steps, lwps, kinds, births, master; static u64 seed;
static volatile u32 *procs; static long most;
static volatile u32 started;
static u8 buffer[65536] __attribute__((aligned(4096)));
static struct uc frames_[64] __attribute__((aligned(64)));

static u64 next(u64*r){*r^=*r<<13;*r^=*r>>7;*r^=*r<<17;return *r;}
static u32 inc(volatile u32*p){u32 v=1;asm volatile("lock xaddl %0,%1":"+r"(v),"+m"(*p)::"memory");return v;}

// word returns what could matter as an argument, or in a slot.
static u64 word(u64*r){
  u64 v=next(r);
  static const u64 fixed[]={0,1,2,3,4,7,8,16,31,64,512,1024,4095,4096,8192,16384,65536,1UL<<20,1UL<<31,(1UL<<31)-1,1UL<<32,(1UL<<32)-1,1UL<<39,1UL<<47,1UL<<63,~0UL,~0UL-1,~0UL-4095,
    GUESTEND,GUESTEND-8,GUESTEND-4096,STUB,STUB+0x500,CFG,CTL,0x8000,0x50f00,0x10,0x1000,0x1002,0x1012,0xc0000000,0x8000000000000000UL};
  switch(v>>60){
  case 0: case 1: case 2: case 3: return fixed[v%(sizeof fixed/8)];
  case 4: case 5: return (u64)buffer+v%sizeof buffer;
  case 6: return (u64)buffer+sizeof buffer-v%64;
  case 7: return v%24;                       // descriptors
  case 8: return S(20)+v%8-2;                // processes
  case 9: return slotAddr+v%(4*slotSize);
  case 10: return 0x400000+v%65536;
  case 11: return next(r);
  case 12: return v%128;
  case 13: return (u64)buffer;
  case 14: return 1UL<<v%64;
  default: return v%4096;
  }
}

// things fills the buffer with structures whose parts are words: vectors, messages, contexts.
static void things(u64*r){
  u64 at=next(r)%(sizeof buffer-512)&~7UL;
  for(int i=0;i<64;i++) ((volatile u64*)(buffer+at))[i]=word(r);
  static const char*names[]={"/fuzz","/","a","/a/../b",".","..","/dev/tty","/dev/null","/dev/ptmx","b/c"};
  const char*n=names[next(r)%10]; u64 to=next(r)%(sizeof buffer-64); for(int i=0;i<32;i++){ ((volatile u8*)buffer)[to+i]=n[i]; if(!n[i]) break; }
}

static void calls(u64*r){
  if(next(r)%4==0) things(r);
  u64 nr=next(r)%500;
  if(nr==1||nr==310) if(next(r)%16) return;                // exit, _lwp_exit
  u64 a=word(r);
  if(nr==37||nr==246||nr==26) if((long)a<=1||a==master) a=S(20)+next(r)%4; // not everybody at once
  if((nr==2||nr==66||nr==287) && (u32)inc(procs)>=most) return;
  long e=S(nr,a,word(r),word(r),word(r),word(r),word(r),word(r));
  if((nr==2||nr==66||nr==287)&&e==0) seed^=S(20)*0x9e3779b97f4a7c15UL;
}

static void slots(u64*r){
  u64 at=slotAddr+slotSize*(next(r)%4?0:next(r)%lwps)+(next(r)%4?next(r)%0x200:next(r)%slotSize);
  u64 v=next(r)%3?word(r):next(r)%8;
  switch(next(r)%3){ case 0: *(volatile u8*)at=v; break; case 1: W32(at&~3UL)=v; break; default: W64(at&~7UL)=v; }
}

static void forged(u64*r){
  static const u64 nrs[]={2,1,308,307,309,197,73,59,474,445,20,37,293,281,340};
  u64 nr=next(r)%3?nrs[next(r)%15]:next(r)%500;
  static const u32 sizes[]={0,511,512,575,576,577,578,579,580,836,2696,8192,16384,0x7fffffff,0xffffffff};
  forge(nr,word(r),word(r),word(r),next(r)%2,next(r)%2?sizes[next(r)%15]:0);
  pause_(next(r)%20000);
}

static void hostcall(u64*r){
  static const u64 nrs[]={9,10,11,24,25,28,3,14,15,32,33,46,56,60,157,158,202,231,292,39,57,59,62,101,186,0,1,8,17,18};
  raw(next(r)%4?nrs[next(r)%30]:next(r)%470,word(r),word(r),word(r),word(r),word(r));
}

static void sigreturn(u64*r){
  static u32 n; struct uc*u=&frames_[inc((volatile u32*)&n)%64]; u64*w=(u64*)u;
  for(u64 i=0;i<sizeof*u/8;i++) w[i]=word(r);
  if(next(r)%2) u->segs=SEGS; if(next(r)%2) u->eflags=0x202|(next(r)%4?0:0x100);
  const u8*p=(const u8*)STUB; u64 at=next(r)%0x2000;
  for(u64 i=0;i<0x2000;i++){ u64 j=(at+i)%0x1ffe; if(p[j]==0x0f&&p[j+1]==0x05){ u->rip=STUB+j; break; } }
  if(next(r)%2){ u->ss_sp=slotAddr+0x1800; u->ss_size=slotSize-0x1800; u->mask=0; u->r15=slotAddr; }
  if(gR) goto_uc(u);
}

static void deaf(u64*r){
  if(next(r)%200) return;
  forge(next(r)%2?2:445,0,(u64)buffer,0,0,0);
  for(;;) rawsleep(1000,0);
}

static void kills(u64*r){ long p=S(20)+next(r)%12-6; if(next(r)%8==0&&p>1&&p!=master) S(37,p,1+next(r)%32); }

// lent has the kernel lend a file, and uses it past the kernel, and what is not lent.
static void lent(u64*r){
  static const u64 nrs[]={0,1,8,17,18,3,9}; u8 b[8];
  long d=S(5,next(r)%2?"/fuzz":"b",0x202&-(next(r)%2),0600); if(d<0) return;
  for(int i=0;i<30;i++) S(199,d,0,0,0);
  for(int i=next(r)%6;i>=0;i--) switch(next(r)%6){
    case 0: W32(CTL+*(u64*)(CFG+8)-4096+4*(next(r)%1024))=next(r)%8; break;
    case 1: S(6,d); break;
    case 2: S(90,next(r)%8,d); break;
    case 3: S(3,d,b,8); break;
    default: raw(nrs[next(r)%6+(next(r)%32==0)],16+(next(r)%4?d:next(r)%224),(u64)buffer,word(r),word(r),word(r)); }
  S(6,d);
}

static void files(u64*r){
  if(next(r)%4==0){ lent(r); return; }
  long d=S(5,"/fuzz",0,0); long a=S(197,0,4096*(1+next(r)%4),1+next(r)%4,1+next(r)%2,d,0,0); S(6,d);
  if(a>0&&next(r)%2) S(73,a,4096);
  if(next(r)%100==0) S(59,"/fuzz",args,envp_);
}

static void (*const doings[])(u64*)={calls,slots,forged,hostcall,sigreturn,deaf,kills,files};

static void loop(void){
  u64 r=seed^(S(20)*0x9e3779b97f4a7c15UL)^((u64)S(311)<<32)^inc(&started); if(!r) r=1; for(int i=0;i<8;i++) next(&r);
  for(long i=0;i<steps;i++){ int k=next(&r)%8;
    if(k!=0&&next(&r)%3) k=0;                 // calls most of the time, if they are wanted
    if(kinds>>k&1) doings[k](&r); else if(kinds&1) calls(&r);
    if(next(&r)%64==0&&(u32)inc(procs)<most){ long c=fork_(); if(c==0){ r^=S(20); } } }
}
static void body(void){ loop(); S(310); for(;;); }
static void onsig(int s){}
void handler3(void); asm(".text\n.globl handler3\nhandler3: mov %r15,%rdi\n mov $308,%eax\n syscall\n ud2\n"); void tramp3(void); asm(".globl tramp3\ntramp3: mov %r15,%rdi\n mov $308,%eax\n syscall\n ud2\n");
static unsigned long number(const char*s){u64 n=0;while(*s>='0'&&*s<='9')n=n*10+*s++-'0';return n;}
int main_(int argc,char**argv){
  gadgets(); if(argc<7) return 9;
  for(int i=0;i<argc&&i<8;i++) args[i]=argv[i];
  seed=number(argv[1]); most=number(argv[2]); lwps=number(argv[3]); steps=number(argv[4]); kinds=number(argv[5]); births=number(argv[6]);
  procs=(void*)mmap_(0,4096,3,M_SHARED|M_ANON);
  struct {void*h;u64 m[2];u32 f,pad;} sa={handler3,{0,0},0,0}; S(340,14,&sa,0,tramp3,2);
  u64 it[4]={0,20000,0,20000}; S(425,0,it,0);
  // The first process makes others, some at a time, and is none of them.
  static i32 pids[64]; long idle=0; master=S(20); long live=0; u64 r=seed*0x9e3779b97f4a7c15UL+1; next(&r); next(&r);
  for(long made=0;made<births;){
    while(live<most/2+1&&made<births){
      u64 k=next(&r), n=next(&r); made++;
      long c=fork_(); if(c<0) break; if(c>0){ live++; pids[made%64]=c; continue; }
      S(82,0,0); seed^=n; kinds&=k%3?k>>8|1:~0UL; if(!(kinds&0xff)) kinds=1;
      for(long i=1;i<lwps&&k%4;i++) lwp_(body,stack_());
      loop(); die(0);
    }
    i32 st; long w=S(449,-1,&st,1,0);
    if(w>0){ if(live>0) live--; idle=0; continue; }
    if(w<0&&w!=-4){ live=0; continue; }
    msleep(1);
    if(++idle>80){ for(int i=0;i<64;i++) if(pids[i]) S(37,pids[i],9),pids[i]=0; idle=0; } // who waits for nothing
    W32(procs)=0;
  }
  return 0;
}
