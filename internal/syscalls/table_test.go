package syscalls

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"toaster/netbsd"
)

// eachRow runs f with every row of the table.
func eachRow(f func(family string, s *Syscall)) {
	for _, fam := range Families() {
		for i := range fam.Calls {
			f(fam.Name, &fam.Calls[i])
		}
	}
}

// What claims support has a handler, what has a handler claims support, and no number
// stands twice.
func TestTableHoldsWhatItClaims(t *testing.T) {
	seen := map[int]string{}
	eachRow(func(family string, s *Syscall) {
		if (s.Serve != nil) != (s.Support != None) {
			t.Errorf("%d %s: support %v, handler: %v", s.Nr, s.Name(), s.Support, s.Serve != nil)
		}
		if s.Support == None && (s.Nr < netbsd.SYS_memfd_create || s.Nr > netbsd.SYS_semtimedop) {
			t.Errorf("%d %s: every call of NetBSD 10 has an answer of NetBSD's", s.Nr, s.Name())
		}
		if other := seen[s.Nr]; other != "" {
			t.Errorf("%d %s is in the families %s and %s", s.Nr, s.Name(), other, family)
		}
		seen[s.Nr] = family
		if Row(s.Nr) != s {
			t.Errorf("%d %s: Row finds another one", s.Nr, s.Name())
		}
		if (Lookup(s.Nr) != nil) != (s.Serve != nil) {
			t.Errorf("%d %s: the row and Lookup disagree", s.Nr, s.Name())
		}
	})
	for nr := range netbsd.MaxSyscall {
		if named := netbsd.SyscallName(nr)[:min(8, len(netbsd.SyscallName(nr)))] != "syscall_"; named != (seen[nr] != "") {
			t.Errorf("%d %s: a name %v, a row %v", nr, netbsd.SyscallName(nr), named, seen[nr] != "")
		}
	}
	if Row(-1) != nil || Row(netbsd.MaxSyscall) != nil {
		t.Error("there are rows outside the table")
	}
}

// Every signature parses, which names existing flag sets and layouts, and fits the
// calling convention. Rows are in order, and tell what is missing.
func TestTableParses(t *testing.T) {
	eachRow(func(_ string, s *Syscall) {
		args, err := netbsd.ParseArgs(s.Sig)
		if err != nil {
			t.Errorf("%d %s: %v", s.Nr, s.Name(), err)
		}
		if len(args) > 8 || NArgs(s.Nr) != len(args) {
			t.Errorf("%s has %d arguments, NArgs says %d", s.Name(), len(args), NArgs(s.Nr))
		}
		if (s.Support == Partial || s.Support == Refused) && s.Note == "" {
			t.Errorf("%s is %v without a note", s.Name(), s.Support)
		}
	})
	for _, f := range Families() {
		if !slices.IsSortedFunc(f.Calls, func(a, b Syscall) int { return a.Nr - b.Nr }) {
			t.Errorf("the family %s is out of order", f.Name)
		}
	}
}

// The calls of the Go runtime and library (GOROOT's sysnum files) are all supported.
func TestGoCallsSupported(t *testing.T) {
	for _, nr := range []int{
		netbsd.SYS_exit, netbsd.SYS_fork, netbsd.SYS_read, netbsd.SYS_write, netbsd.SYS_open, netbsd.SYS_close,
		netbsd.SYS_link, netbsd.SYS_unlink, netbsd.SYS_chdir, netbsd.SYS_fchdir, netbsd.SYS_chmod, netbsd.SYS_chown,
		netbsd.SYS_getpid, netbsd.SYS_setuid, netbsd.SYS_getuid, netbsd.SYS_ptrace, netbsd.SYS_kill, netbsd.SYS_getppid,
		netbsd.SYS_dup, netbsd.SYS_getgid, netbsd.SYS_ioctl, netbsd.SYS_symlink, netbsd.SYS_readlink, netbsd.SYS_execve,
		netbsd.SYS_umask, netbsd.SYS_chroot, netbsd.SYS_munmap, netbsd.SYS_mprotect, netbsd.SYS_madvise,
		netbsd.SYS_getgroups, netbsd.SYS_setgroups, netbsd.SYS_getpgrp, netbsd.SYS_setpgid, netbsd.SYS_dup2,
		netbsd.SYS_fcntl, netbsd.SYS_fsync, netbsd.SYS_connect, netbsd.SYS_bind, netbsd.SYS_setsockopt,
		netbsd.SYS_listen, netbsd.SYS_getsockopt, netbsd.SYS_writev, netbsd.SYS_fchown, netbsd.SYS_fchmod,
		netbsd.SYS_rename, netbsd.SYS_mkfifo, netbsd.SYS_sendto, netbsd.SYS_shutdown, netbsd.SYS_socketpair,
		netbsd.SYS_mkdir, netbsd.SYS_rmdir, netbsd.SYS_setsid, netbsd.SYS_pread, netbsd.SYS_pwrite, netbsd.SYS_setgid,
		netbsd.SYS_getrlimit, netbsd.SYS_setrlimit, netbsd.SYS_mmap, netbsd.SYS_lseek, netbsd.SYS_truncate,
		netbsd.SYS_ftruncate, netbsd.SYS___sysctl, netbsd.SYS_getpgid, netbsd.SYS_lchown, netbsd.SYS___sigaltstack14,
		netbsd.SYS___sigprocmask14, netbsd.SYS___getcwd, netbsd.SYS_issetugid, netbsd.SYS_getcontext,
		netbsd.SYS_setcontext, netbsd.SYS__lwp_create, netbsd.SYS__lwp_exit, netbsd.SYS__lwp_self,
		netbsd.SYS__lwp_setprivate, netbsd.SYS__lwp_kill, netbsd.SYS__lwp_unpark, netbsd.SYS___sigaction_sigtramp,
		netbsd.SYS_kqueue, netbsd.SYS_sched_yield, netbsd.SYS___getdents30, netbsd.SYS___socket30, netbsd.SYS___utimes50,
		netbsd.SYS___setitimer50, netbsd.SYS___clock_gettime50, netbsd.SYS___nanosleep50, netbsd.SYS___kevent50,
		netbsd.SYS___stat50, netbsd.SYS___fstat50, netbsd.SYS___lstat50, netbsd.SYS___getrusage50, netbsd.SYS___wait450,
		netbsd.SYS_pipe2, netbsd.SYS_dup3, netbsd.SYS_paccept, netbsd.SYS_linkat, netbsd.SYS_renameat,
		netbsd.SYS_mkdirat, netbsd.SYS_faccessat, netbsd.SYS_fchmodat, netbsd.SYS_fchownat, netbsd.SYS_fstatat,
		netbsd.SYS_utimensat, netbsd.SYS_openat, netbsd.SYS_readlinkat, netbsd.SYS_symlinkat, netbsd.SYS_unlinkat,
		netbsd.SYS____lwp_park60, netbsd.SYS_posix_fallocate, netbsd.SYS_wait6,
	} {
		if s := Row(nr); s == nil || s.Support == None {
			t.Errorf("%d %s is not supported", nr, netbsd.SyscallName(nr))
		}
	}
}

// Every call that somebody serves is in a row of a family's test.
func TestEveryCallIsTested(t *testing.T) {
	tested := map[string]bool{}
	paths, err := filepath.Glob("*_test.go")
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	mention := regexp.MustCompile(`(?:"[,:] |\.do\()netbsd\.SYS_(\w+)[,)}]`)
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range mention.FindAllStringSubmatch(string(b), -1) {
			tested[m[1]] = true
		}
	}
	eachRow(func(family string, s *Syscall) {
		if s.Serve != nil && !tested[s.Name()] {
			t.Errorf("%s of the family %s is in no test", s.Name(), family)
		}
	})
}
