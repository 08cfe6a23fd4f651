// words [lwps]: every word of the slot forged, with what could matter, at calls for which the
// kernel gives orders: turn, operation, mode, counts, targets, results, notes, kicks.
#include "kit.h"
#include "start.h"
static const u64 values[]={0,1,2,3,4,5,6,7,8,0x7f,0xff,0x100,0xffff,0x7fffffff,0x80000000,0xffffffff,1UL<<32,1UL<<63,~0UL,~0UL-1,~0UL-4094,~0UL-4095,CTL,CTL+0x1800,STUB,CFG,GUESTEND,GUESTEND-4096,0x400000};
static u64 off, val, wide;
static volatile int go;
static void scribbler(void){ for(;;){ if(wide) W64(slotAddr+off)=val; else W32(slotAddr+off)=val; } }
static void spin(void){ for(;;) pause_(1); }
static void calls(u64 multi){
  if(multi){ lwp_(scribbler,stack_()); }
  for(int i=0;i<6;i++){
    if(wide) W64(slotAddr+off)=val; else W32(slotAddr+off)=val;
    switch(i){
    case 0: S(20); break;
    case 1: { long c=fork_(); if(c==0) die(0); if(c>0) slay(c); break; }
    case 2: mmap_(0,4096,3,M_PRIVATE|M_ANON); break;
    case 3: lwp_(spin,stack_()); break;
    case 4: { u64 st[3]={0,1<<14,0}; st[0]=mmap_(0,1<<14,3,M_PRIVATE|M_ANON); S(281,st,0); u64 m[2]={~0UL,~0UL},o[2]; S(293,1,m,o); S(293,3,o,0); break; }
    case 5: { u64 r[18]; S(445,0,r); long d=S(5,"/words",0,0); S(197,0,4096,1,2,d,0,0); S(6,d); break; }
    }
  }
}
int main_(int argc,char**argv){
  gadgets(); u64 multi=argc>1&&streq(argv[1],"lwps"); long n=0, lost=0;
  long step=argc>2?atoi_(argv[2]):8;
  for(off=0;off<0x100;off+=4) for(int v=n%step;v<sizeof values/8;v+=step){
    val=values[v]; wide=off%8==0&&val>0xffffffff; n++;
    if(try_(calls,multi,60)<0) lost++;
  }
  say("words tried ",n); say("forks failed ",lost); puts_("done\n"); return 0;
}
