// window [ROUNDS]: the control window is mapped over, unmapped and moved, by the stub's own
// calls, while another LWP has files mapped: then the host process has a descriptor of ours.
#include "kit.h"
#include "start.h"
static struct uc back __attribute__((aligned(64)));
static void over(void){
  rng^=S(311)*77+S(20); u64 area=mmap_(0,4*slotSize,3,M_PRIVATE|M_ANON); raw_sp=area; raw_ss=4*slotSize;
  for(;;){ u64 at=CTL+slotSize*(rnd()%4), len=rnd()%2?4096:slotSize;
    switch(rnd()%7){
    case 0: raw(9,at,len,3,0x32,~0UL); break;      // mmap, MAP_FIXED, anonymous
    case 1: raw(9,at,len,3,0x11,3); break;         // of the gift
    case 2: raw(11,at,len,0,0,0); break;           // munmap
    case 3: raw(10,at,len,0,0,0); break;           // mprotect
    case 4: raw(25,area,4096,4096,3,at); break;    // mremap over it
    case 5: raw(28,at,len,10,0,0); break;          // madvise
    case 6: raw(3,3,0,0,0,0); break; }             // close the gift
  }
}
static void map(u64 x){
  lwp_(over,stack_()); if(x%2) lwp_(over,stack_());
  for(;;){ long d=S(5,"/window",0,0); long a=S(197,0,8192,1,2,d,0,0); S(6,d); if(a>0) S(73,a,8192); }
}
int main_(int argc,char**argv){
  gadgets(); long rounds=argc>1?atoi_(argv[1]):60;
  for(long i=0;i<rounds;i++) try_(map,i,20);
  say("rounds ",rounds); puts_("done\n"); return 0;
}
