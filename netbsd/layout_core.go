package netbsd

// This file has the notes of NetBSD's core files (sys/exec_elf.h).

// Types of the notes: those of the process, and those of an LWP, which are ptrace(2)'s requests.
const (
	CORE_NOTE_PROCINFO  = 1
	CORE_NOTE_AUXV      = 2
	CORE_NOTE_LWPSTATUS = PT_LWPSTATUS
	CORE_NOTE_REGS      = PT_GETREGS
	CORE_NOTE_FPREGS    = PT_GETFPREGS
	CORE_NOTE_XSTATE    = PT_GETXSTATE
)

// DefCorename is kern.defcorename: %n is the command.
const DefCorename = "%n.core"

// CoreNoteName is the name of a process's notes; an LWP's have "@" and its id behind that.
const CoreNoteName = "NetBSD-CORE"

// AuxvRoom is es_arglen of exec_elf64.c, the room for an auxiliary vector and the program's path: how much of what begins there a debugger and a core file
// are shown.
const AuxvRoom = 15*16 + PATH_MAX + 8

// CoreProcinfo is struct netbsd_elfcore_procinfo.
type CoreProcinfo struct {
	Signo                  Signal
	Sigcode                int32
	Pend, Mask, Ign, Catch Sigset
	Pid, Ppid, Pgrp, Sid   int
	RUID, EUID, SUID       uint32
	RGID, EGID, SGID       uint32
	Nlwps                  int
	Name                   string
	Siglwp                 int
}

// SizeofCoreProcinfo is its size.
const SizeofCoreProcinfo = 160

// Encode stores it, version 1:
//
//	version 0, size 4, signo 8, sigcode 12, sigpend 16, sigmask 32, sigignore 48, sigcatch 64,
//	pid 80, ppid 84, pgrp 88, sid 92, ruid 96, euid 100, svuid 104, rgid 108, egid 112,
//	svgid 116, nlwps 120, name 124 (32 bytes), siglwp 156
func (p *CoreProcinfo) Encode(b []byte) {
	clear(b[:SizeofCoreProcinfo])
	le.PutUint32(b, 1)
	le.PutUint32(b[4:], SizeofCoreProcinfo)
	le.PutUint32(b[8:], uint32(p.Signo))
	le.PutUint32(b[12:], uint32(p.Sigcode))
	for i, s := range [...]Sigset{p.Pend, p.Mask, p.Ign, p.Catch} {
		PutSigset(b[16+16*i:], s)
	}
	for i, v := range [...]uint32{
		uint32(p.Pid), uint32(p.Ppid), uint32(p.Pgrp), uint32(p.Sid),
		p.RUID, p.EUID, p.SUID, p.RGID, p.EGID, p.SGID, uint32(p.Nlwps),
	} {
		le.PutUint32(b[80+4*i:], v)
	}
	copy(b[124:155], p.Name)
	le.PutUint32(b[156:], uint32(p.Siglwp))
}
