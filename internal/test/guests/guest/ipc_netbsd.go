package main

import "unsafe"

// Cases about System V IPC (kern/sysv_shm.c, sysv_sem.c, sysv_msg.c): what processes of one
// machine share, and what goes with each of them.

var ipcCases = []testCase{
	{"ipc_shm_is_shared", ipcShmShared},
	{"ipc_shm_for_reading", ipcShmReading},
	{"ipc_shm_goes_with_exit_exec_kill", ipcShmGoes},
	{"ipc_shm_removed_while_attached", ipcShmRemoved},
	{"ipc_sem_undo_at_exit_and_kill", ipcSemUndo},
	{"ipc_msg_between_processes", ipcMsg},
	{"ipc_mq_goes_with_its_users", ipcMq},
	{"ipc_eventfd_and_timerfd", ipcEventfd},
	{"ipc_what_programs_ask_for", ipcAsked},
}

const (
	sysTimerfdCreate  = 177
	sysTimerfdSettime = 178
	sysEventfd        = 267

	sysMqOpen    = 257
	sysMqUnlink  = 259
	sysMqSend    = 263
	sysMqReceive = 264

	sysSemget = 221
	sysSemop  = 222
	sysMsgget = 225
	sysMsgsnd = 226
	sysMsgrcv = 227
	sysShmat  = 228
	sysShmdt  = 230
	sysShmget = 231
	sysSemctl = 442
	sysShmctl = 443
	sysMsgctl = 444

	ipcCreat  = 0o1000
	ipcRmid   = 0
	ipcStat   = 2
	semGetval = 5
	semUndo   = 0o10000
	shmRdonly = 0o10000
)

// shmds is struct shmid_ds; its word 6 begins with how often the segment is attached.
var shmds [11]int

func nattch(id int) int {
	must("IPC_STAT", sysShmctl, id, ipcStat, ptr(&shmds))
	return shmds[6] & (1<<32 - 1)
}

func shm(size int) (id, p int) {
	id = must("shmget", sysShmget, 0, size, ipcCreat|0o600)
	return id, must("shmat", sysShmat, id, 0, 0)
}

// ipcShmShared: what a process writes another one reads, at another address, too, and after the
// writer's end; where something is mapped nothing is attached.
func ipcShmShared() {
	id, p := shm(2 * page)
	eq("zeroes", *at(p + page), 0)
	q := must("shmat", sysShmat, id, 0, 0)
	yes("two places", p != q)
	errs("shmat where something is", enomem, sysShmat, id, p, 0)
	errs("shmat beyond user space", enomem, sysShmat, id, 1<<62, 0)
	eq("attached", nattch(id), 2)
	reapOK(fork(func() {
		eq("attached", nattch(id), 4)
		*at(p) = 42
	}))
	eq("what the child wrote", *at(p), 42)
	eq("the other place", *at(q), 42)
	reapOK(fork(func() { // who has it not from its parent
		must("shmdt", sysShmdt, p)
		must("shmdt", sysShmdt, q)
		yes("unmapped", !isMapped(p) && !isMapped(q))
		r := must("shmat", sysShmat, id, 0, 0)
		eq("anew", *at(r), 42)
		*at(r + page) = 43
	}))
	eq("what the second child wrote", *at(q + page), 43)
	must("IPC_RMID", sysShmctl, id, ipcRmid, 0)
}

// ipcShmReading: SHM_RDONLY cannot be written, nor made so.
func ipcShmReading() {
	id, p := shm(page)
	*at(p) = 7
	reap(fork(func() {
		q := must("shmat", sysShmat, id, 0, shmRdonly)
		eq("read", *at(q), 7)
		errs("mprotect", eacces, sysMprotect, q, page, protRW)
		*at(q) = 8
	}), sigSEGV)
	eq("unchanged", *at(p), 7)
	must("IPC_RMID", sysShmctl, id, ipcRmid, 0)
}

// subShm is a program that was executed by a process with a segment attached.
func subShm() { eq("attached after exec", nattch(number(3)), 1) }

// ipcShmGoes: exit, exec and SIGKILL detach; the parent learns of it not before that.
func ipcShmGoes() {
	id, _ := shm(page)
	reapOK(fork(func() {}))
	eq("after exit", nattch(id), 1)
	reap(fork(func() {
		kill(getpid(), sigKILL)
	}), sigKILL)
	eq("after SIGKILL", nattch(id), 1)
	reapOK(fork(func() {
		lineLen = 0
		putInt(id)
		execSelf("sub_shm", unsafe.String(&line[0], lineLen))
	}))
	eq("after exec", nattch(id), 1)
	reapOK(vfork(func() { exit(0) }))
	eq("after vfork", nattch(id), 1)
	must("IPC_RMID", sysShmctl, id, ipcRmid, 0)
}

// ipcShmRemoved: a segment that is removed goes with its last attachment.
func ipcShmRemoved() {
	id, p := shm(page)
	*at(p) = 5
	must("IPC_RMID", sysShmctl, id, ipcRmid, 0)
	errs("IPC_STAT", einval, sysShmctl, id, ipcStat, ptr(&shmds))
	errs("shmat", einval, sysShmat, id, 0, 0)
	reapOK(fork(func() { eq("read", *at(p), 5) }))
	eq("still there", *at(p), 5)
	must("shmdt", sysShmdt, p)
	errs("shmdt again", einval, sysShmdt, p)
}

// sembuf is struct sembuf.
type sembuf struct{ num, op, flags int16 }

func semop(id int, b sembuf) { must("semop", sysSemop, id, ptr(&b), 1) }

// ipcSemUndo: what was done with SEM_UNDO is undone before the parent learns of the end, and
// wakes who waits for it.
func ipcSemUndo() {
	id := must("semget", sysSemget, 0, 1, ipcCreat|0o600)
	semop(id, sembuf{0, 1, 0})
	reapOK(fork(func() { semop(id, sembuf{0, -1, semUndo}) }))
	eq("after exit", must("GETVAL", sysSemctl, id, 0, semGetval, 0), 1)
	var held pipe
	held.open()
	holder := fork(func() {
		semop(id, sembuf{0, -1, semUndo})
		held.post()
		for {
			must("semop", sysSemop, id, ptr(&sembuf{0, -1, 0}), 1) // for ever
		}
	})
	held.wait()
	waiter := fork(func() { semop(id, sembuf{0, -1, 0}) })
	kill(holder, sigKILL)
	reap(holder, sigKILL)
	reapOK(waiter)
	eq("the waiter has it", must("GETVAL", sysSemctl, id, 0, semGetval, 0), 0)
	must("IPC_RMID", sysSemctl, id, 0, ipcRmid, 0)
}

// mymsg is what msgsnd(2) sends.
type mymsg struct{ typ, body int }

// ipcMsg: a message has one receiver, whoever sleeps for it; the queue outlives its users.
func ipcMsg() {
	id := must("msgget", sysMsgget, 0, ipcCreat|0o600)
	receiver := fork(func() {
		var m mymsg
		eq("size", must("msgrcv", sysMsgrcv, id, ptr(&m), 8, 2, 0), 8)
		eq("type", m.typ, 2)
		eq("body", m.body, 22)
	})
	one, two := mymsg{1, 11}, mymsg{2, 22}
	must("msgsnd", sysMsgsnd, id, ptr(&one), 8, 0)
	must("msgsnd", sysMsgsnd, id, ptr(&two), 8, 0)
	reapOK(receiver)
	sleeper := fork(func() {
		var m mymsg
		call(sysMsgrcv, id, ptr(&m), 8, 3, 0)
	})
	kill(sleeper, sigKILL)
	reap(sleeper, sigKILL)
	eq("size", must("msgrcv", sysMsgrcv, id, ptr(&two), 8, 0, 0), 8)
	eq("the first one's body", two.body, 11)
	must("IPC_RMID", sysMsgctl, id, ipcRmid, 0)
	errs("msgrcv", einval, sysMsgrcv, id, ptr(&two), 8, 0, 0)
}

var mqBuf [1024]byte

// ipcMq: a queue is shared by who inherits it and who opens it by its name; its messages
// outlive their sender, and it itself goes with its last user once it has no name (sys_mqueue.c).
func ipcMq() {
	name := cstring("/ipc_mq\x00")
	q := must("mq_open", sysMqOpen, name, 0x202, 0o600, 0)
	reapOK(fork(func() {
		r := must("mq_open", sysMqOpen, name, 1, 0, 0)
		must("mq_send", sysMqSend, r, cstring("one"), 3, 1)
		must("mq_send", sysMqSend, q, cstring("two"), 3, 2)
	}))
	eq("size", must("mq_receive", sysMqReceive, q, ptr(&mqBuf), len(mqBuf), 0), 3)
	yes("the higher priority", string(mqBuf[:3]) == "two")
	sleeper := fork(func() {
		must("mq_receive", sysMqReceive, q, ptr(&mqBuf), len(mqBuf), 0)
		call(sysMqReceive, q, ptr(&mqBuf), len(mqBuf), 0)
	})
	kill(sleeper, sigKILL)
	reap(sleeper, sigKILL)
	must("mq_unlink", sysMqUnlink, name)
	errs("mq_open", enoent, sysMqOpen, name, 2, 0, 0)
	must("mq_send", sysMqSend, q, cstring("three"), 5, 0)
	must("close", sysClose, q)
}

// ipcEventfd: an eventfd is shared with a child, and a timer wakes who reads it.
func ipcEventfd() {
	if !release10 {
		return // release 10 has brought both
	}
	fd := must("eventfd", sysEventfd, 0, 0)
	n := 3
	reapOK(fork(func() { must("write", sysWrite, fd, ptr(&n), 8) }))
	n = 0
	must("read", sysRead, fd, ptr(&n), 8)
	eq("the count", n, 3)
	t := must("timerfd_create", sysTimerfdCreate, 3, 0)
	soon := [4]int{0, 0, 0, 1000000}
	must("timerfd_settime", sysTimerfdSettime, t, 0, ptr(&soon), 0)
	must("read", sysRead, t, ptr(&n), 8)
	eq("once", n, 1)
}

// ipcAsked makes the calls that programs of others were seen to make: each is there.
func ipcAsked() {
	name, id := cstring("/ipc_asked\x00"), 0
	for _, c := range [...][4]int{
		{sysMqOpen, name, 0x202, 0o600}, {sysSemget, 0, 1, 0o1600}, {sysShmget, 0, page, 0o1600}, {sysMsgget, 0, 0o1600},
		{247, 1, ptr(&id)}, {166, ptr(&id), 1, 1}, {sysEventfd}, {sysTimerfdCreate}, {400, ptr(&id)}, {400, nowhere},
	} {
		if _, e := call(c[0], c[1], c[2], c[3]); e == enosys {
			eq("ENOSYS of call", c[0], 0)
		}
	}
}
