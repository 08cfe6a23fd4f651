// sigret [STEP]: rt_sigreturn with hostile frames to every system call instruction of the stub:
// TF and AC set, signal stacks anywhere, registers that fit the stub's own calls.
#include "kit.h"
#include "start.h"
static struct uc frame __attribute__((aligned(64)));
static u8 stack[16384] __attribute__((aligned(16)));
static u64 site, kind;
static void jump(u64 n){
  static const u64 flags[]={0x202,0x302,0x40202,0x40302,0x602};
  static const u64 nrs[]={56,9,10,11,15,24,25,28,3,14,32,33,46,60,157,158,202,231,292,39,59,62,101};
  u64 stacks[]={slotAddr+0x1800,CTL+3*slotSize+0x1800,STUB,CFG,(u64)stack,0,0x10,GUESTEND,~0UL-4096,slotAddr};
  rng=n*0x9e3779b97f4a7c15UL+1; rnd(); rnd();
  frame.rip=site; frame.eflags=flags[n%5]; frame.segs=SEGS; frame.rax=nrs[n%(sizeof nrs/8)];
  frame.rdi=rnd()%2?0x8000:0x50f00; u64 regs[]={0,1,3,0x11,0x22,0x32,4096,(u64)stack,CTL,STUB,CFG,slotAddr,slotSize,~0UL,(u64)&frame};
  frame.rsi=PICK(regs); frame.rdx=PICK(regs); frame.r10=PICK(regs); frame.r8=PICK(regs); frame.r9=PICK(regs);
  frame.r12=PICK(regs); frame.r13=PICK(regs); frame.r14=PICK(regs); frame.r15=rnd()%2?slotAddr:PICK(regs); frame.rbx=PICK(regs); frame.rbp=PICK(regs); frame.rcx=PICK(regs);
  if(rnd()%4==0){ frame.rdi=CTL; frame.rsi=slotSize; frame.rdx=3; frame.r10=0x32; frame.r8=~0UL; }
  frame.rsp=rnd()%2?(u64)stack+8192:slotAddr+slotSize-512; frame.ss_sp=PICK(stacks); frame.ss_size=rnd()%2?slotSize-0x1800:8192; frame.ss_flags=rnd()%4==0?2:0;
  frame.mask=rnd()%3==0?~0UL:0;
  goto_uc(&frame);
}
int main_(int argc,char**argv){
  gadgets(); if(!gR){ puts_("no rt_sigreturn found\ndone\n"); return 0; }
  long step=argc>1?atoi_(argv[1]):1, sites=0,n=0; const u8*p=(const u8*)STUB;
  for(u64 i=0;i+1<0x2000;i++) if(p[i]==0x0f&&p[i+1]==0x05){ sites++;
    for(u64 k=0;k<20;k+=step){ site=STUB+i-(k%3==2?5:0)+(k%7==6?2:0); n++; try_(jump,n+k,30); } }
  say("instructions ",sites); say("returns tried ",n); puts_("done\n"); return 0;
}
