// frames [lwps]: forged signal frames with every size of extended state that could matter, and
// with pointers and counts of all kinds, at the calls for which the kernel reads or writes a
// frame: setcontext, getcontext, fork, _lwp_create, posix_spawn, execve, exit.
#include "kit.h"
#include "start.h"
static u64 gsize, gcall, gmode;
static u64 uc[98];
static int ac; static char**av;
static void forged(u64 how){
  company(ac,av);
  u64 s=slotAddr, f=s+0x1800, info=f+0x140, fp=f+0x1c0;
  zero((void*)f,0x1c0);
  struct uc*u=(void*)f; u->rax=gcall; u->rdi=(u64)uc; u->rsi=0; u->rdx=(u64)uc; u->rip=0x401000; u->rsp=(u64)&u&~15UL; u->eflags=0x202; u->segs=SEGS;
  u->ss_sp=s+0x1800; u->ss_size=slotSize-0x1800;
  W64(info+16)=0x401000; W32(info+28)=0xc000003e; W32(info)=31; W32(info+8)=1;
  u->fp=fp;
  switch(how){
  case 1: u->fp=s+slotSize-512; break;              // the last place that can be
  case 2: u->fp=s+slotSize-511; break;
  case 3: u->fp=s+slotSize-gsize; break;            // its end is the slot's
  case 4: u->fp=0; break;
  case 5: u->fp=s; break;                           // over the slot's words
  case 6: u->fp=~0UL-gsize; break;
  case 7: u->fp=fp+1; break;
  case 8: u->fp=s+slotSize; break;                  // the next thread's slot
  }
  u64 at=u->fp; if(at>=s+0x1800&&at<=s+slotSize-512&&at%8==0){ W32(at+464)=0x46505853; W32(at+468)=gsize; W64(at+472)=~0UL; W32(at+480)=gmode?gsize-4:gsize; W32(at+24)=~0U; if(at+576<s+slotSize) zero((void*)(at+512),64), W64(at+512)=~0UL, W64(at+520)=~0UL; }
  W32(s+0x3c)=0; W32(s+0x0c)=31; W64(s+0x10)=f; W64(s+0x18)=info; W32(s+4)=0xffff;
  if(xchg((volatile u32*)s,2)==1) raw(202,s,1,0,0,0);
  pause_(300000);
}
int main_(int argc,char**argv){
  gadgets(); S(307,uc); ac=argc; av=argv;
  static const u64 sizes[]={0,1,511,512,513,575,576,577,578,579,580,581,584,640,831,832,833,836,840,2688,2696,4096,8191,8192,16383,16384,16385,65536,1UL<<31,(1UL<<31)-1,(1UL<<32)-1,(1UL<<32)-4,(1UL<<32)-576};
  static const u64 calls[]={308,307,2,309,474,59,1,20};
  long n=0, failed=0;
  for(u64 how=0;how<9;how++) for(int i=0;i<sizeof sizes/8;i++){
    gsize=sizes[i]; gcall=calls[n%8]; gmode=n/8%2; n++;
    if(try_(forged,how,100)<0) failed++;
  }
  say("frames tried ",n); say("forks failed ",failed); puts_("done\n"); return 0;
}
