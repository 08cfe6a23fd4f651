// scribble SECONDS: siblings scribble on the slots of all LWPs while others fork, create LWPs,
// execute, exit, kill, map files, and take signals.
#include "kit.h"
#include "start.h"
static void scribbler(void){
  u64 seed=S(311)*0x9e3779b97f4a7c15UL+S(20); rng^=seed;
  for(;;){ u64 r=rnd(), slot=CTL+slotSize*(r%4), at=(r>>8)%0x200, v=rnd();
    switch((r>>20)%6){ case 0: at=(r>>24)%slotSize; break; case 1: v&=7; break; case 2: v&=0xff; break; case 3: v=CTL+v%(4*slotSize); break; case 4: at&=0x1f; v&=3; }
    // A slot that is not there is a fault, which ends the process: most of them are.
    *(volatile u8*)(slot+at)=v; if(r>>60==0) pause_(1000); }
}
static volatile long handled; 
void onsig(int s){ handled++; }
void handler2(void); asm(".text\n.globl handler2\nhandler2: push %rdi\n call onsig\n pop %rdi\n mov %r15,%rdi\n mov $308,%eax\n syscall\n ud2\n"); void tramp2(void); asm(".globl tramp2\ntramp2: mov %r15,%rdi\n mov $308,%eax\n syscall\n ud2\n");
static void work(u64 x){
  struct {void*h;u64 m[2];u32 f,pad;} sa={handler2,{0,0},0x40,0}; S(340,30,&sa,0,tramp2,2);
  for(int i=0;i<1+x%2;i++) lwp_(scribbler,stack_());
  static char*v[]={"/scribble","child",0},*e[]={0};
  for(;;){ switch(rnd()%8){
    case 0: { long c=fork_(); if(c==0){ if(rnd()&1) S(59,"/scribble",v,e); die(0); } if(c>0){ if(rnd()&1) slay(c); i32 s; S(449,c,&s,0,0);} break; }
    case 1: { long l=lwp_(lwpspin,stack_()); if(l>0) S(318,l,rnd()&1?30:0); break; }
    case 2: { long d=S(5,"/scribble",0,0); long a=S(197,0,8192,1,2,d,0,0); S(6,d); if(a>0) S(73,a,8192); break; }
    case 3: { long me=S(20); S(37,me,30); break; }
    case 4: { i32 p[2]; S(453,p,0); char b[100]; S(4,p[1],b,100); S(3,p[0],b,100); S(6,p[0]); S(6,p[1]); break; }
    case 5: mmap_(0,4096*(1+rnd()%16),3,M_PRIVATE|M_ANON); break;
    case 6: { u64 r[18]; S(445,0,r); break; }
    case 7: msleep(1); break; } }
}
int main_(int argc,char**argv){
  gadgets(); if(argc>1&&streq(argv[1],"child")) return 0;
  long secs=argc>1?atoi_(argv[1]):2, n=0; long t0[2],t[2]; S(427,3,t0);
  for(;;n++){ S(427,3,t); if(t[0]-t0[0]>=secs) break; rng+=n; try_(work,n,20+rnd()%100); }
  say("rounds ",n); puts_("done\n"); return 0;
}
