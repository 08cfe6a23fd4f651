// lend [ROUNDS]: files that the kernel has lent are used past it, by the stub's own calls: ones
// that are closed, replaced, left behind by fork and exec, with rights that they were not opened
// with; while other LWPs write to the slots and to the table of what is lent. Then the same with pipes, in
// which other LWPs sleep meanwhile.
#include "kit.h"
#include "start.h"
#define LENT 16
#define NLENT 224
static u8 buf[4096] __attribute__((aligned(4096)));
static u64 table(void){ return CTL+*(u64*)(CFG+8)-4096; }
static void use(long fd){ u8 b[8]; for(int i=0;i<40;i++){ S(199,fd,0,0,0); S(3,fd,b,8); } }
// What the stub can read by the host's descriptor of fd: 0 if that is not there.
static u64 stale(long fd){ zero(buf,8); raw(8,LENT+fd,0,0,0,0); raw(0,LENT+fd,(u64)buf,0,0,0); u64 v=W64(buf); if(!v){ raw(17,LENT+fd,(u64)buf,0,0,0); v=W64(buf); } return v; }
static long found, lent;
static u64 never[2], soon[2]={0,300000};
static u32 kqStale(long kq){ zero(buf,64); raw(232,LENT+kq,(u64)buf,0,0,0); u32 v=W32(buf); if(!v){ raw(441,LENT+kq,(u64)buf,(u64)never,0,0); v=W32(buf); } return v; } // epoll_wait, epoll_pwait2
static void all(void){ for(long i=0;i<NLENT;i++) if(stale(i)||kqStale(i)) found++; }
// In turn: a descriptor that is closed, replaced, closed with others.
static void lose(long how){
  long d=S(5,"/secret",0,0), o=S(5,"/other",0,0);
  use(d); if(stale(d)) lent++;
  switch(how%4){
  case 0: S(6,d); break;
  case 1: S(90,o,d); break;
  case 2: S(92,d<o?d:o,10,0); break; // F_CLOSEM
  case 3: S(454,o,d,0); break;
  }
  if(stale(d)) found++;
  S(6,o); S(6,d);
}
// Rights that the file was not opened with; and a mapping that the kernel does not know, of which
// a child dies.
static void more(u64 how){
  long d=S(5,"/secret",0,0); use(d);
  for(int i=0;i<8;i++) buf[i]='X';
  if(how){ u64 at=0x700000; raw(9,at,4096,0x11,LENT+d,0); die(W64(at)!=0); } // MAP_SHARED|MAP_FIXED
  raw(1,LENT+d,(u64)buf,0,0,0); raw(18,LENT+d,(u64)buf,0,0,0); die(0);
}
static void scribbler(void){
  for(;;){ u64 r=rnd(); switch(r%3){
    case 0: W32(table()+4*(r>>8)%1024)=3; break;
    case 1: W32(slotAddr+0x100+(r>>8)%0x600/8*8)=r>>40; break; // commands
    case 2: W64(slotAddr+(r>>8)%0x100/8*8)=r>>32; break; } }
}
static void race(u64 x){
  for(u64 i=0;i<=x%3;i++) lwp_(scribbler,stack_());
  for(long i=0;;i++){
    long d=S(5,"/secret",0,0), o=S(5,"/other",0,0); use(d); use(o); S(90,o,d); S(6,o); use(d); S(6,d);
    if(i%5==0){ long c=fork_(); if(c==0){ all(); die(0); } if(c>0) S(449,c,0,0,0); }
  }
}
static i32 pp[2]; static long pipes;
static void usePipe(void){ u8 b[8]; S(453,pp,0); for(int i=0;i<40;i++){ S(4,pp[1],"PIPEPIPE",8); S(3,pp[0],b,8); } }
// A pipe with something in it, that is closed to read, or replaced; and one that is only to be written, or read.
static void losePipe(long how){
  usePipe(); S(4,pp[1],"PIPEPIPE",8);
  if(how%4==0&&stale(pp[0])) pipes++;
  S(4,pp[1],"PIPEPIPE",8);
  long o=S(5,"/other",0,0);
  switch(how%3){ case 0: S(6,pp[0]); break; case 1: S(90,o,pp[0]); break; case 2: S(454,o,pp[0],0); break; }
  zero(buf,8); raw(0,LENT+pp[0],(u64)buf,8,0,0); if(W64(buf)) found++;
  raw(0,LENT+pp[1],(u64)buf,8,0,0); if(W64(buf)) found++;
  S(6,o); S(6,pp[0]); S(6,pp[1]);
}
static void sleeper(void){ u8 b[4096]; for(;;){ S(3,pp[0],b,4096); raw(0,LENT+pp[0],(u64)buf,8,0,0); } }
static void stuffer(void){ for(;;){ S(4,pp[1],buf,4096); raw(1,LENT+pp[1],(u64)buf,4096,0,0); } }
static void racePipe(u64 x){
  usePipe();
  lwp_(sleeper,stack_()); if(x&1) lwp_(stuffer,stack_()); if(x&2) lwp_(scribbler,stack_());
  for(long i=0;;i++){
    S(4,pp[1],"x",1); S(6,pp[0]); S(6,pp[1]); usePipe();
    if(i%5==0){ long c=fork_(); if(c==0) die(0); if(c>0) S(449,c,0,0,0); }
    if(i%7==0) W32(table()+4*(rnd()%8))=7;
  }
}
// A vfork child, which runs in its parent's host process, while its parent's other LWPs go on and are lent files: it has
// descriptors of its own, and nothing of theirs.
static volatile long vfd[2]; static u8 vbuf[8];
static void lender(void){ for(;;){ long d=S(5,"/secret",0,0); vfd[0]=d; use(d); S(6,d); } }
static void piper(void){ u8 b[8]; i32 p[2]; for(;;){ S(453,p,0); for(int i=0;i<9;i++) S(4,p[1],"PIPEPIPE",8); vfd[1]=p[0]; for(int i=0;i<60;i++){ S(4,p[1],"PIPEPIPE",8); S(3,p[0],b,8); } S(6,p[0]); S(6,p[1]); } }
static void vfork1(long how){
  long c=vfork_();
  if(c==0){
    if(how&1) for(long i=3;i<NLENT;i++) S(6,i);
    for(long i=0;i<60;i++){ zero(vbuf,8); raw(how&2?0:17,LENT+vfd[how>>1&1],(u64)vbuf,0,0,0); if(W64(vbuf)) die(1); }
    die(0);
  }
  i32 s=0; if(c>0){ S(449,c,&s,0,0); if(s) die(1); }
}
static void raceVfork(u64 x){ u64 st=stack_(); lwp_(x&1?piper:lender,st); for(long i=0;i<60;i++) vfork1(i&1|(x&1)<<1); die(0); }
// A kqueue of a pipe that has something in it: what the host tells of that is there as long as the kqueue is lent, and the pipe open
// by that descriptor. An event of the kernel's own ends it, too.
struct kev { u64 ident; u32 filter, flags; u64 fflags, data, udata; };
static struct kev kevs[16]; static long kqs;
static void kqOf(long kq,u32 flags){ struct kev c={pp[0],0,flags,0,0,7}; S(435,kq,&c,1,0,0,0); }
static long kqAsk(long kq){ return S(435,kq,0,0,kevs,16,0); }
static long useKq(void){ long kq=S(344); S(453,pp,0); kqOf(kq,1); S(4,pp[1],"PIPEPIPE",8); for(int i=0;i<90;i++) kqAsk(kq); return kq; }
static void loseKq(long how){
  long kq=useKq(), o=S(5,"/other",0,0);
  if(kqStale(kq)) kqs++;
  switch(how%6){
  case 0: S(6,kq); break;
  case 1: S(90,o,kq); break;
  case 4: { struct kev c={9,8,1,0,0,0}; S(435,kq,&c,1,0,0,0); break; }
  case 5: { long d=S(41,pp[0]); S(6,pp[0]); if(kqStale(kq)) found++; S(6,d); S(6,kq); break; }
  case 2: { long c=vfork_(); if(c==0)die(kqStale(kq)!=0); i32 s=0; S(449,c,&s,0,0); if(s) found++; S(6,kq); break; }
  case 3: { long c=fork_(); if(c==0) die(kqStale(kq)!=0); i32 s=0; S(449,c,&s,0,0); if(s) found++; S(6,kq); break; }
  }
  if(kqStale(kq)) found++;
  S(6,o); S(6,kq); S(6,pp[0]); S(6,pp[1]);
}
static long rkq;
static void asker(void){ static struct kev mine[16]; for(;;){ S(435,rkq,0,0,mine,16,0); S(435,rkq,0,0,mine,16,soon); raw(232,LENT+rkq,(u64)(buf+2048),0,0,0); } }
static void raceKq(u64 x){
  rkq=useKq(); lwp_(asker,stack_()); if(x&1) lwp_(asker,stack_()); if(x&2) lwp_(scribbler,stack_());
  for(long i=0;;i++){
    S(6,rkq); S(6,pp[0]); S(6,pp[1]); rkq=useKq();
    if(i%3==0){ kqOf(rkq,0x21); S(4,pp[1],"x",1); }
    if(i%5==0){ long c=fork_(); if(c==0) die(0); if(c>0) S(449,c,0,0,0); }
    if(i%7==0) for(int n=0;n<40;n++) W64(table()+1024+8*(rnd()%384))=rnd();
  }
}
int main_(int argc,char**argv){
  gadgets();
  if(argc>1&&streq(argv[1],"child")){ all(); die(found!=0); }
  long rounds=argc>1?atoi_(argv[1]):40;
  for(long i=0;i<rounds;i++) lose(i);
  if(try_(more,0,1000)) found++;
  if((try_(more,1,1000)&0x7f)!=9) found++;
  { long d=S(5,"/secret",0,0); use(d);
    long c=fork_(); if(c==0){ all(); die(found!=0); }
    i32 s=0; S(449,c,&s,0,0); if(s) found++;
    c=fork_(); if(c==0){ use(d); const char*v[]={"/lend","child",0}; const char*e[]={0}; S(59,v[0],v,e); die(9); }
    S(449,c,&s,0,0); if(s) found++;
    S(6,d); }
  for(long i=0;i<rounds;i++) try_(race,i,40);
  for(long i=0;i<rounds;i++) losePipe(i);
  for(long i=0;i<rounds;i++) try_(racePipe,i,40);
  for(long i=0;i<rounds;i++) if(try_(raceVfork,i,5000)) found++;
  for(long i=0;i<rounds;i++) loseKq(i);
  for(long i=0;i<rounds;i++) try_(raceKq,i,40);
  usePipe(); S(4,pp[1],"PIPEPIPE",8);
  { long c=fork_(); if(c==0){ zero(buf,8); raw(0,LENT+pp[0],(u64)buf,8,0,0); die(W64(buf)!=0); } i32 s=0; S(449,c,&s,0,0); if(s) found++; }
  say("kqueues ",kqs); say("pipes ",pipes); say("lent ",lent); say("found ",found); puts_("done\n"); return 0;
}
