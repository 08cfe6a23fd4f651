package machine

import (
	"toaster/internal/syscalls"
	"toaster/kern"
)

// setArgs notes what p runs, for kern.proc_args (sysctl(7)). The vectors are those that the
// program got, not what it has made of them in its memory since, which NetBSD would read.
func (s *System) setArgs(p *kern.Proc, prog *program) {
	syscalls.SetProcArgs(p, &syscalls.ProcArgs{Path: prog.path, Argv: prog.argv, Envp: prog.envp})
}
