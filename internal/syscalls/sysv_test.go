package syscalls

import (
	"fmt"
	"runtime"
	"testing"

	"toaster/internal/sysv"
	"toaster/kern"
	"toaster/netbsd"
)

// Tests of System V IPC, by kern/sysv_sem.c, sysv_msg.c, sysv_shm.c and sysv_ipc.c.

// The first two of a kind: their places in the table, used for the first time.
const (
	first  = 1 << 16
	second = 1<<16 | 1
)

// sembufs are structures sembuf.
func sembufs(ops ...[3]int) (b []byte) {
	for _, op := range ops {
		for _, v := range op {
			b = le.AppendUint16(b, uint16(v))
		}
	}
	return b
}

// mess is a message for msgsnd(2).
func mess(typ int64, body string) []byte { return append(longs(uint64(typ)), body...) }

// until waits for something that other processes do.
func until(f func() bool) {
	for !f() {
		runtime.Gosched()
	}
}

// semVal is an element of union semun that points to v.
func semArg(v uint64) []byte { return longs(v) }

// semIs wants that GETVAL of a semaphore is v.
func semIs(p *player, id, num, v int) {
	p.t.Helper()
	if got := p.ok(netbsd.SYS_____semctl50, id, num, netbsd.GETVAL, 0); got != uint64(v) {
		p.t.Errorf("semaphore %d is %d, want %d", num, got, v)
	}
}

func TestSemaphores(t *testing.T) {
	const create = netbsd.IPC_CREAT | 0o600
	ctl := netbsd.SYS_____semctl50
	stages(t, map[string][]row{
		"semget": {
			{"ENOENT", netbsd.SYS_semget, args{5, 1, 0}, netbsd.ENOENT, nil, nil},
			{"EINVAL: none", netbsd.SYS_semget, args{0, 0, create}, netbsd.EINVAL, nil, nil},
			{"EINVAL: more than semmsl", netbsd.SYS_semget, args{0, sysv.SEMMSL + 1, create}, netbsd.EINVAL, nil, nil},
			{"IXSEQ_TO_IPCID", netbsd.SYS_semget, args{5, 3, create}, 0, first, nil},
			{"the same key", netbsd.SYS_semget, args{5, 3, 0}, 0, first, nil},
			{"sys_semget: an int of it", netbsd.SYS_semget, args{uint64(1<<32 + 5), 3, 0}, 0, first, nil},
			{"EINVAL: more than there are", netbsd.SYS_semget, args{5, 4, 0}, netbsd.EINVAL, nil, nil},
			{"EEXIST", netbsd.SYS_semget, args{5, 3, create | netbsd.IPC_EXCL}, netbsd.EEXIST, nil, nil},
			{"IPC_PRIVATE", netbsd.SYS_semget, args{0, 1, create}, 0, second, nil},
			{"ENOSPC: semmns", netbsd.SYS_semget, args{0, sysv.SEMMNS - 3, create}, netbsd.ENOSPC, nil, nil},
			{"IPC_RMID", ctl, args{first, 0, netbsd.IPC_RMID, 0}, 0, 0, nil},
			{"another sequence number", netbsd.SYS_semget, args{5, 3, create}, 0, 2 << 16, nil},
			{"EINVAL for the old one", ctl, args{first, 0, netbsd.GETVAL, 0}, netbsd.EINVAL, nil, nil},
		},
		"semop": {
			{"semget(2)", netbsd.SYS_semget, args{0, 2, create}, 0, first, nil},
			{"E2BIG: semopm", netbsd.SYS_semop, args{first, room(8), sysv.SEMOPM + 1}, netbsd.E2BIG, nil, nil},
			{"E2BIG for what would wrap", netbsd.SYS_semop, args{first, room(8), uint64(1) << 63}, netbsd.E2BIG, nil, nil},
			{"EFAULT", netbsd.SYS_semop, args{first, bad, 1}, netbsd.EFAULT, nil, nil},
			{"EINVAL", netbsd.SYS_semop, args{-1, sembufs([3]int{0, 1, 0}), 1}, netbsd.EINVAL, nil, nil},
			{"EFBIG", netbsd.SYS_semop, args{first, sembufs([3]int{2, 1, 0}), 1}, netbsd.EFBIG, nil, nil},
			{"up", netbsd.SYS_semop, args{first, sembufs([3]int{0, 3, 0}), 1}, 0, 0, nil},
			{"all or nothing: EAGAIN", netbsd.SYS_semop, args{first, sembufs([3]int{0, -3, 0}, [3]int{1, -1, netbsd.IPC_NOWAIT}), 2}, netbsd.EAGAIN, nil, nil},
			{"rolled back", ctl, args{first, 0, netbsd.GETVAL, 0}, 0, 3, nil},
			{"EAGAIN: not zero", netbsd.SYS_semop, args{first, sembufs([3]int{0, 0, netbsd.IPC_NOWAIT}), 1}, netbsd.EAGAIN, nil, nil},
			{"zero", netbsd.SYS_semop, args{first, sembufs([3]int{0, -3, 0}, [3]int{0, 0, 0}), 2}, 0, 0, nil},
			{"sempid", ctl, args{first, 0, netbsd.GETPID, 0}, 0, self, nil},
		},
		"semctl": {
			{"semget(2)", netbsd.SYS_semget, args{7, 2, create}, 0, first, nil},
			{"EINVAL: another command", ctl, args{first, 0, 99, 0}, netbsd.EINVAL, nil, nil},
			{"EFAULT: union semun", ctl, args{first, 0, netbsd.SETVAL, bad}, netbsd.EFAULT, nil, nil},
			{"SETVAL: ERANGE", ctl, args{first, 0, netbsd.SETVAL, semArg(sysv.SEMVMX + 1)}, netbsd.ERANGE, nil, nil},
			{"SETVAL: EINVAL", ctl, args{first, 2, netbsd.SETVAL, semArg(1)}, netbsd.EINVAL, nil, nil},
			{"SETVAL", ctl, args{first, 1, netbsd.SETVAL, semArg(9)}, 0, 0, nil},
			{"GETALL: EFAULT", ctl, args{first, 0, netbsd.GETALL, semArg(bad)}, netbsd.EFAULT, nil, nil},
			{"GETALL", ctl, args{first, 0, netbsd.GETALL, func(p *player) uint64 { return p.mem.put(longs(p.arg(room(4)))) }}, 0, func(r *result) string {
				if b := r.p.at8(r.args[3], 4); string(b) != "\x00\x00\x09\x00" {
					return fmt.Sprintf("GETALL stores %x", b)
				}
				return ""
			}, nil},
			{"SETALL: EFAULT", ctl, args{first, 0, netbsd.SETALL, semArg(bad)}, netbsd.EFAULT, nil, nil},
			{"SETALL: ERANGE, after the first", ctl, args{first, 0, netbsd.SETALL, func(p *player) uint64 { return p.mem.put(longs(p.arg([]byte{4, 0, 0xff, 0xff}))) }}, netbsd.ERANGE, nil, nil},
			{"SETALL: the first", ctl, args{first, 0, netbsd.GETVAL, 0}, 0, 4, nil},
			{"SETALL", ctl, args{first, 0, netbsd.SETALL, func(p *player) uint64 { return p.mem.put(longs(p.arg([]byte{1, 0, 2, 0}))) }}, 0, 0, nil},
			{"GETVAL", ctl, args{first, 1, netbsd.GETVAL, 0}, 0, 2, nil},
			{"GETNCNT: EINVAL", ctl, args{first, -1, netbsd.GETNCNT, 0}, netbsd.EINVAL, nil, nil},
			{"GETZCNT", ctl, args{first, 1, netbsd.GETZCNT, 0}, 0, 0, nil},
			{"IPC_SET: EFAULT", ctl, args{first, 0, netbsd.IPC_SET, semArg(bad)}, netbsd.EFAULT, nil, nil},
			{"compat_50: IPC_STAT", netbsd.SYS_compat_50_____semctl13, args{first, 0, netbsd.IPC_STAT, func(p *player) uint64 { return p.mem.put(longs(p.arg(room(56)))) }}, 0, func(r *result) string {
				if b := r.p.at8(r.args[3], 56); le.Uint16(b[32:]) != 2 || le.Uint32(b[16:]) != 0o600 || le.Uint64(b[24:]) != 7 {
					return fmt.Sprintf("struct semid_ds13 is %x", b)
				}
				return ""
			}, nil},
			{"compat_14: IPC_STAT", netbsd.SYS_compat_14___semctl, args{first, 0, netbsd.IPC_STAT, func(p *player) uint64 { return p.mem.put(longs(p.arg(room(96)))) }}, 0, func(r *result) string {
				if b := r.p.at8(r.args[3], 96); le.Uint16(b[32:]) != 2 || le.Uint16(b[8:]) != 0o600 || le.Uint64(b[16:]) != 7 {
					return fmt.Sprintf("struct semid_ds14 is %x", b)
				}
				return ""
			}, nil},
			{"semconfig(2) does nothing", netbsd.SYS_semconfig, args{0}, 0, 0, nil},
		},
	})
}

// at8 returns n bytes of what the pointer at addr leads to.
func (p *player) at8(addr uint64, n int) []byte {
	b := make([]byte, 8)
	p.mem.Read(addr, b)
	addr = le.Uint64(b)
	b = make([]byte, n)
	p.mem.Read(addr, b)
	return b
}

// ipcperm: the owner's bits decide for the owner, the group's for the group; IPC_M is EPERM,
// and the superuser's whatever the bits are. A semaphore is read with 0400, altered with 0200.
func TestIpcPermissions(t *testing.T) {
	newRig(t).run(func(p *player) {
		p.ok(netbsd.SYS_semget, 0, 1, 0o604) // root's, of group 0
		p.ok(netbsd.SYS_msgget, 0, 0o640)
		p.ok(netbsd.SYS_shmget, 0, 1, 0o642)
		p.play([]row{
			{"fork(2)", netbsd.SYS_fork, nil, 0, nil, func(c *player) {
				c.ok(netbsd.SYS_setgroups, 0, 0)
				c.ok(netbsd.SYS_setgid, 50)
				c.ok(netbsd.SYS_setuid, 100)
				c.play([]row{
					{"others may read", netbsd.SYS_____semctl50, args{first, 0, netbsd.GETVAL, 0}, 0, 0, nil},
					{"EACCES", netbsd.SYS_semop, args{first, sembufs([3]int{0, 1, 0}), 1}, netbsd.EACCES, nil, nil},
					{"EPERM: IPC_RMID", netbsd.SYS_____semctl50, args{first, 0, netbsd.IPC_RMID, 0}, netbsd.EPERM, nil, nil},
					{"EACCES", netbsd.SYS_msgrcv, args{first, room(16), 8, 0, netbsd.IPC_NOWAIT}, netbsd.EACCES, nil, nil},
					{"EPERM: IPC_RMID", netbsd.SYS___msgctl50, args{first, netbsd.IPC_RMID, 0}, netbsd.EPERM, nil, nil},
					{"EACCES: others may write, and not read", netbsd.SYS_shmat, args{first, 0, netbsd.SHM_RDONLY}, netbsd.EACCES, nil, nil},
					{"EPERM: SHM_LOCK is the superuser's", netbsd.SYS___shmctl50, args{first, netbsd.SHM_LOCK, 0}, netbsd.EPERM, nil, nil},
					{"a queue of one's own", netbsd.SYS_msgget, args{0, 0o200}, 0, second, nil},
					{"EACCES: the owner's bits", netbsd.SYS___msgctl50, args{second, netbsd.IPC_STAT, room(104)}, netbsd.EACCES, nil, nil},
					{"EPERM: more bytes", netbsd.SYS___msgctl50, args{second, netbsd.IPC_SET, msqid(100, 50, 0o600, sysv.MSGMNB+1)}, netbsd.EPERM, nil, nil},
					{"EINVAL: no bytes", netbsd.SYS___msgctl50, args{second, netbsd.IPC_SET, msqid(100, 50, 0o600, 0)}, netbsd.EINVAL, nil, nil},
					{"IPC_SET", netbsd.SYS___msgctl50, args{second, netbsd.IPC_SET, msqid(100, 50, 0o7400, 16)}, 0, 0, nil},
					{"IPC_SET: the mode", netbsd.SYS___msgctl50, args{second, netbsd.IPC_STAT, room(104)}, 0, func(r *result) string {
						if b := r.mem(2, 104); le.Uint32(b[16:]) != 0o400 || le.Uint64(b[40:]) != 16 {
							return fmt.Sprintf("struct msqid_ds is %x", b)
						}
						return ""
					}, nil},
				})
			}},
			{"wait(2)", netbsd.SYS___wait450, args{-1, 0, 0, 0}, 0, nil, nil},
			{"SHM_LOCK where nothing is attached", netbsd.SYS___shmctl50, args{first, netbsd.SHM_LOCK, 0}, 0, 0, nil},
		})
	})
}

// msqid is what IPC_SET of msgctl(2) reads.
func msqid(uid, gid, mode uint32, qbytes uint64) []byte {
	b := make([]byte, 104)
	netbsd.MsqidDS{Perm: netbsd.IPCPerm{UID: uid, GID: gid, Mode: mode}, Qbytes: qbytes}.Encode(b, netbsd.IPC50)
	return b
}

// What a process has done with SEM_UNDO is undone when it ends, by itself or by SIGKILL
// (semexit), though no value falls below 0; what SETVAL, SETALL or IPC_RMID did since then
// stays. An exec keeps it, a fork's child does not have it.
func TestSemUndo(t *testing.T) {
	undo := func(num, op int) []byte { return sembufs([3]int{num, op, netbsd.SEM_UNDO}) }
	newRig(t).run(func(p *player) {
		p.ok(netbsd.SYS_semget, 0, 3, 0o600)
		play := func(f func(c *player)) {
			p.play([]row{
				{"fork(2)", netbsd.SYS_fork, nil, 0, nil, f},
				{"wait(2)", netbsd.SYS___wait450, args{-1, 0, 0, 0}, 0, nil, nil},
			})
		}
		play(func(c *player) {
			c.ok(netbsd.SYS_semop, first, undo(0, 5), 1)
			c.ok(netbsd.SYS_semop, first, undo(0, -2), 1)
			semIs(c, first, 0, 3)
		})
		semIs(p, first, 0, 0)
		play(func(c *player) {
			c.ok(netbsd.SYS_semop, first, undo(0, 5), 1)
			c.ok(netbsd.SYS_semop, first, sembufs([3]int{0, -4, 0}), 1)
		})
		semIs(p, first, 0, 0) // not -4
		play(func(c *player) {
			c.ok(netbsd.SYS_semop, first, undo(1, 5), 1)
			c.ok(netbsd.SYS_____semctl50, first, 1, netbsd.SETVAL, semArg(7))
		})
		semIs(p, first, 1, 7)
		play(func(c *player) {
			c.ok(netbsd.SYS_semop, first, undo(2, 5), 1)
			c.do(netbsd.SYS_execve, "/x", strv{"x"}, strv{})
			c.play([]row{
				{"fork(2)", netbsd.SYS_fork, nil, 0, nil, func(*player) {}},
				{"wait(2)", netbsd.SYS___wait450, args{-1, 0, 0, 0}, 0, nil, nil},
			})
			semIs(c, first, 2, 5)
			c.ok(netbsd.SYS_kill, self(c), netbsd.SIGKILL)
		})
		semIs(p, first, 2, 0)
	})
}

// semop(2): EINVAL for more entries to undo than semume, and nothing has happened then.
func TestSemUndoLimit(t *testing.T) {
	newRig(t).run(func(p *player) {
		p.ok(netbsd.SYS_semget, 0, sysv.SEMUME+1, 0o600)
		var ops [][3]int
		for i := range sysv.SEMUME + 1 {
			ops = append(ops, [3]int{i, 1, netbsd.SEM_UNDO})
		}
		if r := p.do(netbsd.SYS_semop, first, sembufs(ops...), len(ops)); r.errno != netbsd.EINVAL {
			t.Errorf("semop: %s", errnoName(r.errno))
		}
		for i := range ops {
			semIs(p, first, i, 0)
		}
		p.ok(netbsd.SYS_semop, first, sembufs(ops[:sysv.SEMUME]...), sysv.SEMUME)
	})
}

// sleeper runs f in a child, and calls act with its pid once it sleeps.
func (p *player) sleeper(f func(*player), act func(pid uint64)) {
	p.t.Helper()
	p.play([]row{{"fork(2)", netbsd.SYS_fork, nil, 0, nil, f}})
	pid := last(p)
	until(func() bool {
		q := p.c.K.M.Find(int(pid))
		return q != nil && len(q.LWPs()) > 0 && q.LWPs()[0].State() == kern.LWPSleeping
	})
	act(pid)
	p.play([]row{{"wait(2)", netbsd.SYS___wait450, args{-1, 0, 0, 0}, 0, nil, nil}})
}

// semop(2) sleeps until it can go on, counted by GETNCNT or GETZCNT; EIDRM if the set goes, and
// EINTR for a signal, with SA_RESTART, too. A kill leaves no count behind.
func TestSemSleep(t *testing.T) {
	newRig(t).run(func(p *player) {
		p.ok(netbsd.SYS_semget, 0, 2, 0o600)
		counted := func(num, cmd, want int) {
			if n := p.ok(netbsd.SYS_____semctl50, first, num, cmd, 0); n != uint64(want) {
				t.Errorf("%d wait, want %d", n, want)
			}
		}
		semop := func(num, op int, errno netbsd.Errno) func(*player) {
			return func(c *player) {
				c.play([]row{{"semop(2)", netbsd.SYS_semop, args{first, sembufs([3]int{num, op, 0}), 1}, errno, nil, nil}})
			}
		}
		p.sleeper(semop(0, -2, 0), func(uint64) {
			counted(0, netbsd.GETNCNT, 1)
			p.ok(netbsd.SYS_semop, first, sembufs([3]int{0, 1, 0}), 1)
			p.ok(netbsd.SYS_semop, first, sembufs([3]int{0, 1, 0}), 1)
		})
		semIs(p, first, 0, 0)
		p.ok(netbsd.SYS_semop, first, sembufs([3]int{1, 1, 0}), 1)
		p.sleeper(semop(1, 0, 0), func(uint64) {
			counted(1, netbsd.GETZCNT, 1)
			p.ok(netbsd.SYS_semop, first, sembufs([3]int{1, -1, 0}), 1)
		})
		p.sleeper(semop(0, -2, netbsd.EINTR), func(pid uint64) { p.ok(netbsd.SYS_kill, pid, netbsd.SIGKILL) })
		counted(0, netbsd.GETNCNT, 0)
		p.sleeper(semop(0, -2, netbsd.EIDRM), func(uint64) {
			p.ok(netbsd.SYS_____semctl50, first, 0, netbsd.IPC_RMID, 0)
		})
	})
}

func TestMessages(t *testing.T) {
	const create = netbsd.IPC_CREAT | 0o600
	snd, rcv, ctl := netbsd.SYS_msgsnd, netbsd.SYS_msgrcv, netbsd.SYS___msgctl50
	got := func(typ uint64, body string) out { return out{1, append(longs(typ), body...)} }
	full := make([]row, 0, sysv.MSGTQL+2)
	full = append(full, row{"msgget(2)", netbsd.SYS_msgget, args{0, create}, 0, first, nil})
	for range sysv.MSGTQL {
		full = append(full, row{"msgsnd(2) of nothing", snd, args{first, mess(1, ""), 0, netbsd.IPC_NOWAIT}, 0, 0, nil})
	}
	full = append(full, row{"EAGAIN: msgtql", snd, args{first, mess(1, ""), 0, netbsd.IPC_NOWAIT}, netbsd.EAGAIN, nil, nil})
	stages(t, map[string][]row{
		"full": full,
		"msgget": {
			{"ENOENT", netbsd.SYS_msgget, args{5, 0}, netbsd.ENOENT, nil, nil},
			{"msgget(2)", netbsd.SYS_msgget, args{5, create}, 0, first, nil},
			{"the same key", netbsd.SYS_msgget, args{5, 0}, 0, first, nil},
			{"sys_msgget: an int of it", netbsd.SYS_msgget, args{uint64(1<<32 + 5), 0}, 0, first, nil},
			{"EEXIST", netbsd.SYS_msgget, args{5, create | netbsd.IPC_EXCL}, netbsd.EEXIST, nil, nil},
			{"EINVAL: another command", ctl, args{first, 99, 0}, netbsd.EINVAL, nil, nil},
			{"EFAULT", ctl, args{first, netbsd.IPC_STAT, bad}, netbsd.EFAULT, nil, nil},
			{"EFAULT before EINVAL", ctl, args{-1, netbsd.IPC_SET, bad}, netbsd.EFAULT, nil, nil},
			{"EINVAL before EFAULT", ctl, args{-1, netbsd.IPC_STAT, bad}, netbsd.EINVAL, nil, nil},
			{"IPC_RMID", ctl, args{first, netbsd.IPC_RMID, 0}, 0, 0, nil},
			{"EINVAL", snd, args{first, mess(1, "x"), 1, 0}, netbsd.EINVAL, nil, nil},
			{"another sequence number", netbsd.SYS_msgget, args{0, create}, 0, 2 << 16, nil},
		},
		"messages": {
			{"msgget(2)", netbsd.SYS_msgget, args{0, create}, 0, first, nil},
			{"EINVAL: a negative size", snd, args{first, mess(1, "x"), -1, 0}, netbsd.EINVAL, nil, nil},
			{"EINVAL: more than a queue holds", snd, args{first, mess(1, "x"), sysv.MSGMNB + 1, 0}, netbsd.EINVAL, nil, nil},
			{"EINVAL: a type below 1", snd, args{first, mess(0, "x"), 1, 0}, netbsd.EINVAL, nil, nil},
			{"EFAULT", snd, args{first, bad, 1, 0}, netbsd.EFAULT, nil, nil},
			{"type 3", snd, args{first, mess(3, "three"), 5, 0}, 0, 0, nil},
			{"type 2", snd, args{first, mess(2, "two"), 3, 0}, 0, 0, nil},
			{"type 3 again", snd, args{first, mess(3, "drei"), 4, 0}, 0, 0, nil},
			{"IPC_STAT", ctl, args{first, netbsd.IPC_STAT, room(104)}, 0, func(r *result) string {
				if b := r.mem(2, 104); le.Uint64(b[32:]) != 3 || le.Uint64(b[96:]) != 12 || le.Uint64(b[40:]) != sysv.MSGMNB {
					return fmt.Sprintf("struct msqid_ds is %x", b)
				}
				return ""
			}, nil},
			{"compat_50: IPC_STAT", netbsd.SYS_compat_50___msgctl13, args{first, netbsd.IPC_STAT, room(96)}, 0, func(r *result) string {
				if b := r.mem(2, 96); le.Uint64(b[32:]) != 3 || le.Uint64(b[88:]) != 12 {
					return fmt.Sprintf("struct msqid_ds13 is %x", b)
				}
				return ""
			}, nil},
			{"compat_14: IPC_STAT", netbsd.SYS_compat_14_msgctl, args{first, netbsd.IPC_STAT, room(152)}, 0, func(r *result) string {
				if b := r.mem(2, 152); le.Uint64(b[48:]) != 3 || le.Uint64(b[40:]) != 12 {
					return fmt.Sprintf("struct msqid_ds14 is %x", b)
				}
				return ""
			}, nil},
			{"ENOMSG", rcv, args{first, room(16), 8, 7, netbsd.IPC_NOWAIT}, netbsd.ENOMSG, nil, nil},
			{"E2BIG", rcv, args{first, room(16), 4, 0, 0}, netbsd.E2BIG, nil, nil},
			{"EINVAL: a negative size", rcv, args{first, room(16), -1, 0, 0}, netbsd.EINVAL, nil, nil},
			{"up to type 2", rcv, args{first, room(16), 8, -2, 0}, 0, got(2, "two\xa5"), nil},
			{"MSG_NOERROR", rcv, args{first, room(16), 4, 3, netbsd.MSG_NOERROR}, 0, got(3, "thre\xa5"), nil},
			{"the size", rcv, args{first, room(16), 8, 0, 0}, 0, 4, nil},
			{"ENOMSG: none is left", rcv, args{first, room(16), 8, int64(-1 << 63), netbsd.IPC_NOWAIT}, netbsd.ENOMSG, nil, nil},
			{"type 9", snd, args{first, mess(9, "nine"), 4, 0}, 0, 0, nil},
			{"msgrcv1: LONG_MIN is any", rcv, args{first, room(16), 8, int64(-1 << 63), netbsd.IPC_NOWAIT}, 0, got(9, "nine"), nil},
			{"type 1", snd, args{first, mess(1, "lost"), 4, 0}, 0, 0, nil},
			{"EFAULT", rcv, args{first, bad, 4, 0, 0}, netbsd.EFAULT, nil, nil},
			{"the message is lost", rcv, args{first, room(16), 4, 0, netbsd.IPC_NOWAIT}, netbsd.ENOMSG, nil, nil},
			{"a full queue", snd, args{first, append(mess(1, ""), make([]byte, sysv.MSGMNB)...), sysv.MSGMNB, 0}, 0, 0, nil},
			{"EAGAIN", snd, args{first, mess(1, "x"), 1, netbsd.IPC_NOWAIT}, netbsd.EAGAIN, nil, nil},
		},
	})
}

// msgrcv(2) and msgsnd(2) sleep: EIDRM if the queue goes, and a kill leaves a queue in which
// others can go on.
func TestMessageSleep(t *testing.T) {
	newRig(t).run(func(p *player) {
		p.ok(netbsd.SYS_msgget, 0, 0o600)
		receives := func(errno netbsd.Errno) func(*player) {
			return func(c *player) {
				c.play([]row{{"msgrcv(2)", netbsd.SYS_msgrcv, args{first, room(16), 8, 0, 0}, errno, nil, nil}})
			}
		}
		sends := func(errno netbsd.Errno) func(*player) {
			return func(c *player) {
				c.play([]row{{"msgsnd(2)", netbsd.SYS_msgsnd, args{first, mess(1, "12345678"), 8, 0}, errno, nil, nil}})
			}
		}
		p.sleeper(receives(0), func(uint64) { p.ok(netbsd.SYS_msgsnd, first, mess(1, "abc"), 3, 0) })
		p.ok(netbsd.SYS_msgsnd, first, append(mess(2, ""), make([]byte, sysv.MSGMNB)...), sysv.MSGMNB, 0)
		mode := func(cmd string, want uint32) {
			t.Helper()
			limits, table, errno := p.c.K.SysV.Info(netbsd.KERN_SYSVIPC_MSG_INFO)
			if got := le.Uint32(table[24:]); errno != 0 || got != want {
				t.Errorf("%s: the mode is %o, want %o (%d, %v)", cmd, got, want, len(limits), errno)
			}
			p.play([]row{{"msgctl1: IPC_STAT has the permissions alone", netbsd.SYS___msgctl50, args{first, netbsd.IPC_STAT, room(104)}, 0, func(r *result) string {
				if ds := netbsd.DecodeMsqidDS(r.mem(2, 104), netbsd.IPC50); ds.Perm.Mode != 0o600 {
					return fmt.Sprintf("the mode is %o", ds.Perm.Mode)
				}
				return ""
			}, nil}})
		}
		p.sleeper(sends(netbsd.EINTR), func(pid uint64) {
			mode("SYSCTL_FILL_MSG while somebody waits", 0o600|netbsd.MSG_LOCKED)
			p.ok(netbsd.SYS_kill, pid, netbsd.SIGKILL)
		})
		mode("and then", 0o600)
		p.sleeper(sends(0), func(uint64) { p.ok(netbsd.SYS_msgrcv, first, room(sysv.MSGMNB+8), sysv.MSGMNB, 2, 0) })
		p.ok(netbsd.SYS_msgrcv, first, room(16), 8, 1, netbsd.IPC_NOWAIT)
		p.sleeper(receives(netbsd.EIDRM), func(uint64) { p.ok(netbsd.SYS___msgctl50, first, netbsd.IPC_RMID, 0) })
	})
}

func TestSharedMemory(t *testing.T) {
	const create = netbsd.IPC_CREAT | 0o600
	ctl := netbsd.SYS___shmctl50
	attached := func(n uint32) func(r *result) string {
		return func(r *result) string {
			if b := r.mem(2, 88); le.Uint32(b[48:]) != n || le.Uint32(b[16:]) != 0o600 { // shmctl1: the permissions alone
				return fmt.Sprintf("%d attached, mode %#x; want %d", le.Uint32(b[48:]), le.Uint32(b[16:]), n)
			}
			return ""
		}
	}
	stages(t, map[string][]row{
		"shmget": {
			{"ENOENT", netbsd.SYS_shmget, args{5, 1, 0}, netbsd.ENOENT, nil, nil},
			{"EINVAL: less than shmmin", netbsd.SYS_shmget, args{0, 0, create}, netbsd.EINVAL, nil, nil},
			{"EINVAL: more than shmmax", netbsd.SYS_shmget, args{0, 1<<28 + 1, create}, netbsd.EINVAL, nil, nil},
			{"shmget(2)", netbsd.SYS_shmget, args{5, 5000, create}, 0, first, nil},
			{"EEXIST", netbsd.SYS_shmget, args{5, 5000, create | netbsd.IPC_EXCL}, netbsd.EEXIST, nil, nil},
			{"EINVAL: more than it has", netbsd.SYS_shmget, args{5, 5001, 0}, netbsd.EINVAL, nil, nil},
			{"whatever it has", netbsd.SYS_shmget, args{5, 0, 0}, 0, first, nil},
			{"ENOMEM: shmmaxpgs", netbsd.SYS_shmget, args{0, 1 << 28, create}, netbsd.ENOMEM, nil, nil},
			{"EINVAL", ctl, args{first, 99, 0}, netbsd.EINVAL, nil, nil},
			{"IPC_SET: EFAULT", ctl, args{first, netbsd.IPC_SET, bad}, netbsd.EFAULT, nil, nil},
			{"IPC_RMID", ctl, args{first, netbsd.IPC_RMID, 0}, 0, 0, nil},
			{"EINVAL", ctl, args{first, netbsd.IPC_RMID, 0}, netbsd.EINVAL, nil, nil},
			{"shm_last_free", netbsd.SYS_shmget, args{0, 1 << 28, create}, 0, 2 << 16, nil},
		},
		"shmat": {
			{"shmget(2)", netbsd.SYS_shmget, args{5, 5000, create}, 0, first, nil},
			{"EINVAL", netbsd.SYS_shmat, args{-1, 0, 0}, netbsd.EINVAL, nil, nil},
			{"EINVAL: not a page's", netbsd.SYS_shmat, args{first, 0x10001, 0}, netbsd.EINVAL, nil, nil},
			{"uvm_map: ENOMEM in the first page", netbsd.SYS_shmat, args{first, 0x401, netbsd.SHM_RND}, netbsd.ENOMEM, nil, nil},
			{"SHM_RND", netbsd.SYS_shmat, args{first, 0x10001, netbsd.SHM_RND}, 0, 0x10000, nil},
			{"again, for reading", netbsd.SYS_shmat, args{first, 0, netbsd.SHM_RDONLY}, 0, func(r *result) string {
				if a := r.p.mem.asked.(SharedArgs); a.Len != 0x2000 || a.Prot != netbsd.PROT_READ {
					return fmt.Sprintf("asked for %+v", a)
				}
				return ""
			}, nil},
			{"IPC_STAT", ctl, args{first, netbsd.IPC_STAT, room(88)}, 0, attached(2), nil},
			{"compat_50: IPC_STAT", netbsd.SYS_compat_50___shmctl13, args{first, netbsd.IPC_STAT, room(72)}, 0, func(r *result) string {
				if b := r.mem(2, 72); le.Uint64(b[32:]) != 5000 || le.Uint32(b[48:]) != 2 {
					return fmt.Sprintf("struct shmid_ds13 is %x", b)
				}
				return ""
			}, nil},
			{"compat_14: IPC_STAT", netbsd.SYS_compat_14_shmctl, args{first, netbsd.IPC_STAT, room(64)}, 0, func(r *result) string {
				if b := r.mem(2, 64); le.Uint32(b[24:]) != 5000 || le.Uint16(b[36:]) != 2 {
					return fmt.Sprintf("struct shmid_ds14 is %x", b)
				}
				return ""
			}, nil},
			{"shmdt(2): EINVAL", netbsd.SYS_shmdt, args{0x5000}, netbsd.EINVAL, nil, nil},
			{"shmdt(2)", netbsd.SYS_shmdt, args{0x10000}, 0, asked(rangeArgs{0x10000, 0x2000, 0}), nil},
			{"shmdt(2): EINVAL", netbsd.SYS_shmdt, args{0x10000}, netbsd.EINVAL, nil, nil},
			{"IPC_STAT", ctl, args{first, netbsd.IPC_STAT, room(88)}, 0, attached(1), nil},
			{"a child has it, too", netbsd.SYS_fork, nil, 0, nil, func(c *player) {
				c.play([]row{{"shmfork", ctl, args{first, netbsd.IPC_STAT, room(88)}, 0, attached(2), nil}})
			}},
			{"wait(2)", netbsd.SYS___wait450, args{-1, 0, 0, 0}, 0, nil, nil},
			{"shmexit", ctl, args{first, netbsd.IPC_STAT, room(88)}, 0, attached(1), nil},
			{"a killed child", netbsd.SYS_fork, nil, 0, nil, func(c *player) { c.ok(netbsd.SYS_kill, self(c), netbsd.SIGKILL) }},
			{"wait(2)", netbsd.SYS___wait450, args{-1, 0, 0, 0}, 0, nil, nil},
			{"shmexit", ctl, args{first, netbsd.IPC_STAT, room(88)}, 0, attached(1), nil},
			{"vfork(2)'s child", netbsd.SYS___vfork14, nil, 0, nil, func(c *player) {}},
			{"wait(2)", netbsd.SYS___wait450, args{-1, 0, 0, 0}, 0, nil, nil},
			{"the memory is the parent's", ctl, args{first, netbsd.IPC_STAT, room(88)}, 0, attached(1), nil},
		},
	})
}

// A segment's memory is freed once, when it is removed and nobody has it attached any more
// (shm_delete_mapping); until then it has no key, and cannot be attached anew.
func TestSharedMemoryRemoved(t *testing.T) {
	r := newRig(t)
	var mem *sharedRAM
	r.run(func(p *player) {
		p.ok(netbsd.SYS_shmget, 5, 5000, netbsd.IPC_CREAT|0o600)
		addr := p.ok(netbsd.SYS_shmat, first, 0, 0)
		mem = p.mem.asked.(SharedArgs).Memory.(*sharedRAM)
		p.play([]row{
			{"fork(2)", netbsd.SYS_fork, nil, 0, nil, func(c *player) {
				c.ok(netbsd.SYS___shmctl50, first, netbsd.IPC_RMID, 0)
			}},
			{"wait(2)", netbsd.SYS___wait450, args{-1, 0, 0, 0}, 0, nil, nil},
			{"ENOENT", netbsd.SYS_shmget, args{5, 5000, 0}, netbsd.ENOENT, nil, nil},
			{"EINVAL", netbsd.SYS_shmat, args{first, 0, 0}, netbsd.EINVAL, nil, nil},
		})
		if n := mem.freed.Load(); n != 0 {
			t.Errorf("freed %d times while it is attached", n)
		}
		p.ok(netbsd.SYS_shmdt, addr)
		if n := mem.freed.Load(); n != 1 {
			t.Errorf("freed %d times, want once", n)
		}
		p.mem.answer = netbsd.ENOMEM
		id := p.ok(netbsd.SYS_shmget, 0, 5000, 0o600)
		p.play([]row{{"ENOMEM leaves nothing attached", netbsd.SYS_shmat, args{id, 0, 0}, netbsd.ENOMEM, nil, nil}})
		mem = p.mem.asked.(SharedArgs).Memory.(*sharedRAM)
		p.ok(netbsd.SYS___shmctl50, id, netbsd.IPC_RMID, 0)
		if n := mem.freed.Load(); n != 1 {
			t.Errorf("freed %d times, want once", n)
		}
	})
}

// shmat(2): EMFILE for more than shmseg.
func TestSharedMemoryLimit(t *testing.T) {
	newRig(t).run(func(p *player) {
		p.ok(netbsd.SYS_shmget, 0, 1, 0o600)
		for range sysv.SHMSEG {
			p.ok(netbsd.SYS_shmat, first, 0, 0)
		}
		p.play([]row{{"EMFILE", netbsd.SYS_shmat, args{first, 0, 0}, netbsd.EMFILE, nil, nil}})
		for range sysv.SHMMNI - 1 {
			p.ok(netbsd.SYS_shmget, 0, 1, 0o600)
		}
		p.play([]row{{"ENOSPC", netbsd.SYS_shmget, args{0, 1, 0o600}, netbsd.ENOSPC, nil, nil}})
	})
}

// kern.ipc.sysvipc_info, as ipcs(1) asks for it: the limits, and a table of all places.
func TestSysvipcInfo(t *testing.T) {
	name := func(what uint32) []byte { return words(1, netbsd.KERN_SYSVIPC, netbsd.KERN_SYSVIPC_INFO, what) }
	size := func(n uint64) row {
		return row{"the size", netbsd.SYS___sysctl, nil, 0, out{3, longs(n)}, nil}
	}
	ask := func(what uint32, n uint64) row {
		w := size(n)
		w.args = args{name(what), 4, 0, longs(0), 0, 0}
		return w
	}
	newRig(t).run(func(p *player) {
		p.ok(netbsd.SYS_semget, 77, 3, netbsd.IPC_CREAT|0o640)
		p.play([]row{
			ask(netbsd.KERN_SYSVIPC_MSG_INFO, 24+sysv.MSGMNI*96),
			ask(netbsd.KERN_SYSVIPC_SEM_INFO, 40+sysv.SEMMNI*56),
			ask(netbsd.KERN_SYSVIPC_SHM_INFO, 24+sysv.SHMMNI*80),
			ask(netbsd.KERN_SYSVIPC_OMSG_INFO, 24+sysv.MSGMNI*80),
			ask(netbsd.KERN_SYSVIPC_OSEM_INFO, 40+sysv.SEMMNI*48),
			ask(netbsd.KERN_SYSVIPC_OSHM_INFO, 24+sysv.SHMMNI*64),
			{"EINVAL", netbsd.SYS___sysctl, args{name(7), 4, room(8), longs(8), 0, 0}, netbsd.EINVAL, nil, nil},
			{"EINVAL without what", netbsd.SYS___sysctl, args{name(7), 3, room(8), longs(8), 0, 0}, netbsd.EINVAL, nil, nil},
			{"the limits alone", netbsd.SYS___sysctl, args{name(netbsd.KERN_SYSVIPC_SEM_INFO), 4, room(48), longs(40), 0, 0}, 0,
				out{2, append(words(30, 10, 60, 30, 60, 100, 10, 112, 32767, 16384), 0xa5)}, nil},
			{"semid_ds_sysctl", netbsd.SYS___sysctl, args{name(netbsd.KERN_SYSVIPC_SEM_INFO), 4, room(600), longs(600), 0, 0}, 0, func(r *result) string {
				b := r.mem(2, 96)[40:]
				if le.Uint64(b) != 77 || le.Uint32(b[24:]) != 0o640|netbsd.SEM_ALLOC || le.Uint16(b[28:]) != 1 || le.Uint16(b[32:]) != 3 {
					return fmt.Sprintf("struct semid_ds_sysctl is %x", b)
				}
				return ""
			}, nil},
			{"kern.ipc.shmmax: a quarter of the memory", netbsd.SYS___sysctl, args{words(1, netbsd.KERN_SYSVIPC, netbsd.KERN_SYSVIPC_SHMMAX), 3, room(8), longs(8), 0, 0}, 0, out{2, longs(1 << 28)}, nil},
		})
	})
}

// semtimedop(2), by kern/sysv_sem.c 1.104 (do_semop, do_semop1) and tests/kernel/t_semtimedop.c of NetBSD 11.
func TestSemtimedop(t *testing.T) {
	const timed = netbsd.SYS_semtimedop
	up, down, zero := sembufs([3]int{0, 1, 0}), sembufs([3]int{0, -1, 0}), longs(0, 0)
	stages(t, map[string][]row{"timed": {
		{"semget(2)", netbsd.SYS_semget, args{0, 1, netbsd.IPC_CREAT | 0o600}, 0, first, nil},
		{"E2BIG", netbsd.SYS_semtimedop, args{first, up, sysv.SEMOPM + 1, 0}, netbsd.E2BIG, nil, nil},
		{"EFAULT of the operations", timed, args{first, bad, 1, bad}, netbsd.EFAULT, nil, nil},
		{"EFAULT of the time, before EINVAL of the set", timed, args{-1, up, 1, bad}, netbsd.EFAULT, nil, nil},
		{"EINVAL: no set can have that number, before the time", timed, args{-1, down, 1, zero}, netbsd.EINVAL, nil, nil},
		{"ts2timo: EINVAL", timed, args{first, up, 1, longs(0, 1e9)}, netbsd.EINVAL, nil, nil},
		{"itimespecfix: EINVAL", timed, args{first, up, 1, longs(1<<64-1, 0)}, netbsd.EINVAL, nil, nil},
		{"ts2timo: ETIMEDOUT for no time, though the operation could be done", timed, args{first, up, 1, zero}, netbsd.ETIMEDOUT, nil, nil},
		{"ETIMEDOUT before EINVAL of a set that is not there", timed, args{first + 1, up, 1, zero}, netbsd.ETIMEDOUT, nil, nil},
		{"EINVAL of a set that is not there", timed, args{first + 1, up, 1, longs(1, 0)}, netbsd.EINVAL, nil, nil},
		{"EFBIG", timed, args{first, sembufs([3]int{1, 1, 0}), 1, longs(1, 0)}, netbsd.EFBIG, nil, nil},
		{"it need not wait", timed, args{first, up, 1, longs(1, 0)}, 0, 0, nil},
		{"GETVAL", netbsd.SYS_____semctl50, args{first, 0, netbsd.GETVAL, 0}, 0, 1, nil},
		{"a null time is none", timed, args{first, down, 1, 0}, 0, 0, nil},
		{"EAGAIN: IPC_NOWAIT", timed, args{first, sembufs([3]int{0, -1, netbsd.IPC_NOWAIT}), 1, longs(100, 0)}, netbsd.EAGAIN, nil, nil},
		{"EAGAIN: the time is up", timed, args{first, down, 1, longs(0, 1000)}, netbsd.EAGAIN, nil, nil},
		{"nobody waits any more", netbsd.SYS_____semctl50, args{first, 0, netbsd.GETNCNT, 0}, 0, 0, nil},
	}})
	newRig(t).run(func(p *player) {
		p.ok(netbsd.SYS_semget, 0, 1, 0o600)
		wait := func(errno netbsd.Errno) func(*player) {
			return func(c *player) {
				c.play([]row{{"semtimedop(2)", timed, args{first, down, 1, longs(1000, 0)}, errno, nil, nil}})
			}
		}
		p.sleeper(wait(0), func(uint64) { p.ok(netbsd.SYS_semop, first, up, 1) })
		p.sleeper(wait(netbsd.EIDRM), func(uint64) { p.ok(netbsd.SYS_____semctl50, first, 0, netbsd.IPC_RMID, 0) })
	})
}
