package syscalls

import (
	"fmt"
	"strings"

	"toaster/internal/vfs"
	"toaster/kern"
	"toaster/netbsd"
)

// This file has what procfs says of queues, semaphores and shared memory (procfs_linux.c), and the directories for it.

// procBelow lists a directory beside the processes, "" or one with a slash behind it. Directories in others are said to be files,
// as proc_sys_targets and proc_sysfs_targets have it.
func procBelow(dir string) (list []vfs.Entry) {
	for i := range procRootTargets {
		n := &procRootTargets[i]
		name, ok := strings.CutPrefix(n.name, dir)
		if !ok || strings.Contains(name, "/") {
			continue
		}
		kind := uint8(netbsd.DT_REG)
		if n.dir && dir == "" {
			kind = netbsd.DT_DIR
		}
		list = append(list, vfs.Entry{Ino: uint64(8 + i), Type: kind, Name: name})
	}
	return list
}

// procNumber is PFS_print_uint.
func procNumber(n uint) func(*Call, *kern.Proc, *kern.ProcInfo) (string, netbsd.Errno) {
	return func(*Call, *kern.Proc, *kern.ProcInfo) (string, netbsd.Errno) { return fmt.Sprintf("%d\n", n), 0 }
}

// procMessages is procfs_dosysvipc_msg.
func procMessages(c *Call, _ *kern.Proc, _ *kern.ProcInfo) (string, netbsd.Errno) {
	b := fmt.Appendf(nil, "%10s %10s %4s  %10s %10s %5s %5s %5s %5s %5s %5s %10s %10s %10s\n",
		"key", "msqid", "perms", "cbytes", "qnum", "lspid", "lrpid", "uid", "gid", "cuid", "cgid", "stime", "rtime", "ctime")
	for _, q := range c.K.SysV.Msg.List() {
		d := &q.MsqidDS
		b = fmt.Appendf(b, "%10d %10d  %4o  %10d %10d %5d %5d %5d %5d %5d %5d %10d %10d %10d\n", int32(d.Perm.Key), q.ID, d.Perm.Mode,
			d.Cbytes, d.Qnum, d.Lspid, d.Lrpid, d.Perm.UID, d.Perm.GID, d.Perm.CUID, d.Perm.CGID, d.Stime, d.Rtime, d.Ctime)
	}
	return string(b), 0
}

// procSemaphores is procfs_dosysvipc_sem.
func procSemaphores(c *Call, _ *kern.Proc, _ *kern.ProcInfo) (string, netbsd.Errno) {
	b := fmt.Appendf(nil, "%10s %10s %4s %10s %5s %5s %5s %5s %10s %10s\n",
		"key", "semid", "perms", "nsems", "uid", "gid", "cuid", "cgid", "otime", "ctime")
	for _, s := range c.K.SysV.Sem.List() {
		d := &s.SemidDS
		b = fmt.Appendf(b, "%10d %10d  %4o %10d %5d %5d %5d %5d %10d %10d\n", int32(d.Perm.Key), s.ID, d.Perm.Mode,
			d.Nsems, d.Perm.UID, d.Perm.GID, d.Perm.CUID, d.Perm.CGID, d.Otime, d.Ctime)
	}
	return string(b), 0
}

// procShared is procfs_dosysvipc_shm. What is in memory and what is not is 0.
func procShared(c *Call, _ *kern.Proc, _ *kern.ProcInfo) (string, netbsd.Errno) {
	b := fmt.Appendf(nil, "%10s %10s %s %21s %5s %5s %5s %5s %5s %5s %5s %10s %10s %10s %21s %21s\n",
		"key", "shmid", "perms", "size", "cpid", "lpid", "nattch", "uid", "gid", "cuid", "cgid", "atime", "dtime", "ctime", "rss", "swap")
	for _, s := range c.K.SysV.Shm.List() {
		d := &s.ShmidDS
		b = fmt.Appendf(b, "%10d %10d  %4o %21d %5d %5d  %5d %5d %5d %5d %5d %10d %10d %10d %21d %21d\n", int32(d.Perm.Key), s.ID, d.Perm.Mode,
			d.Segsz, d.Cpid, d.Lpid, d.Nattch, d.Perm.UID, d.Perm.GID, d.Perm.CUID, d.Perm.CGID, d.Atime, d.Dtime, d.Ctime, 0, 0)
	}
	return string(b), 0
}
