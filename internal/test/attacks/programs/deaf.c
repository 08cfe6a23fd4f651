// deaf CALL HOW [exit MS]: forges a call that needs its own help, and does something else: HOW is
// sleep (in the host), spin, or mask (spins with all signals blocked). With exit another LWP ends
// the process after a while, with status 7. "deaf honest" is none of that: it forks ten times.
#include "kit.h"
#include "start.h"
static u64 nuc[98]; static u64 out[64]; static long ms;
static void ends(void){ msleep(ms); die(7); }
// In a light trap: the kernel finds the registers in the slot.
static void light(u64 nr,u64 a,u64 b,u64 c,u64 d,u64 e){
  u64 s=slotAddr;
  W64(s+0x868)=a; W64(s+0x870)=b; W64(s+0x888)=c; W64(s+0x838)=d; W64(s+0x828)=e; W64(s+0x830)=0;
  W64(s+0x890)=nr; W64(s+0x898)=0x401000; W64(s+0x8a0)=(u64)&out[8]; W64(s+0x8b0)=0x202;
  W32(s+0xc0)=0; W32(s+0x3c)=1; W32(s+4)=0xffff;
  if(xchg((volatile u32*)s,2)==1) raw(202,s,1,0,0,0);
}
static struct uc blocked;
int main_(int argc,char**argv){
  gadgets(); char*call=argc>1?argv[1]:"fork",*how=argc>2?argv[2]:"sleep";
  if(streq(call,"honest")){ for(int i=0;i<10;i++){ long c=fork_(); if(c==0) die(0); i32 st=1; if(c<0||S(449,c,&st,0,0)!=c||st) die(1); } die(0); }
  S(307,nuc); nuc[7+21]=(u64)lwpsleep; nuc[7+24]=stack_()-72;
  if(argc>4&&streq(argv[3],"exit")){ ms=atoi_(argv[4]); lwp_(ends,stack_()); }
  if(streq(call,"lwpexit")) lwp_(lwpsleep,stack_());
  blocked.rsp=stack_()-64;
  puts_("deaf\n");
  if(streq(call,"fork")) light(2,0,0,0,0,0);
  else if(streq(call,"framefork")) forge(2,0,0,0,0,0);
  else if(streq(call,"vfork")) light(66,0,0,0,0,0);
  else if(streq(call,"rusage")) light(445,0,(u64)out,0,0,0);
  else if(streq(call,"mmap")) light(197,0x10000000,4096,3,0x1012,-1);
  else if(streq(call,"context")) light(307,(u64)nuc,0,0,0,0);
  else if(streq(call,"lwp")) light(309,(u64)nuc,0,(u64)out,0,0);
  else if(streq(call,"lwpexit")) light(310,0,0,0,0,0);
  if(streq(how,"sleep")) for(;;){ static u64 ts[2]; ts[0]=1000; raw(35,(u64)ts,0,0,0,0); }
  if(streq(how,"mask")){
    blocked.rip=(u64)lwpspin; blocked.eflags=0x202; blocked.segs=SEGS; blocked.mask=~0UL;
    blocked.ss_sp=slotAddr+0x1800; blocked.ss_size=slotSize-0x1800; goto_uc(&blocked);
  }
  lwpspin(); return 0;
}
