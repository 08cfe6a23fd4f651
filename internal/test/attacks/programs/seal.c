// seal: a memfd is sealed against writing while the guest has it mapped to write, at a place that
// the kernel does not know of: the stub's own mremap has moved the mapping there. It says what
// others read of the sealed file after that.
#include "kit.h"
#include "start.h"
#define AT 0x100000000UL
#define HIDDEN 0x200000000UL
#define SIZE 0x1000000UL
// move_(at,old,flags,u,to): mremap(at,old,u,flags,to) at the stub's call, whose third argument is
// where a signal frame lies as well; so u is as high as the mapping is to be large.
long move_(u64 at,u64 old,u64 flags,struct uc*u,u64 to);
asm(".text\n.globl move_\nmove_:\n push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"
 " mov %rdx,%r10\n mov %rcx,%rdx\n mov %rsp,160(%rdx)\n lea 1f(%rip),%r11\n mov %r11,168(%rdx)\n movq $0x202,176(%rdx)\n"
 " movabs $0x002b000000000033,%r11\n mov %r11,184(%rdx)\n"
 " mov $25,%eax\n mov raw_target(%rip),%r11\n jmp *%r11\n"
 "1: pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n ret\n");
static void hide(u64 from,u64 to){
  struct uc*u=(void*)SIZE; zero(u,sizeof *u); u->ss_sp=slotAddr+0x1800; u->ss_size=slotSize-0x1800;
  raw_target=gA; move_(from,4096,3,u,to); // MREMAP_MAYMOVE|MREMAP_FIXED
}
static u64 content(long fd){ u64 v=0; S(173,fd,&v,8,0,0); return v; }
int main_(int argc,char**argv){
  gadgets();
  if(mmap_(SIZE,4096,3,M_PRIVATE|M_ANON|M_FIXED)!=SIZE) die(3);
  long fd=S(500,"m",2); // memfd_create: MFD_ALLOW_SEALING
  if(fd<0||S(201,fd,0,4096)<0||S(197,AT,4096,3,M_SHARED|M_FIXED,fd,0,0)!=AT) die(4);
  W64(AT)=1; hide(AT,HIDDEN); W64(HIDDEN)=2; // who fails here dies of it
  say("hidden ",content(fd));
  say("munmap ",S(73,AT,4096)); say("F_ADD_SEALS ",S(92,fd,16,8)); say("F_GET_SEALS ",S(92,fd,17,0));
  say("sealed ",content(fd)); W64(HIDDEN)=3; say("later ",content(fd));
  puts_("done\n"); return 0;
}
