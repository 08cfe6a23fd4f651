// h2 SIZE: a forged signal frame whose extended state is SIZE bytes, at setcontext(2) of a
// handler's context: the kernel puts extended state of its own into that frame.
#include "kit.h"
#include "start.h"
static u32 fsz=577;
void onsig(int sig,void*info,void*uc){
  forge(308,(u64)uc,0,0,1,fsz);
  pause_(20000000);
  die(0);
}
void tramp(void); asm(".text\n.globl handler_\nhandler_: call onsig\n ud2\n.globl tramp\ntramp: ud2\n"); extern char handler_[];
int main_(int argc,char**argv){
  gadgets(); if(argc>1) fsz=atoi_(argv[1]);
  struct {void*h;u64 m[2];u32 f,pad;} sa={handler_,{0,0},0x40,0};
  say("sigaction ",S(340,30,&sa,0,tramp,2));
  long me=S(20); S(37,me,30);
  pause_(20000000);
  puts_("survived\n"); return 0;
}
