package main

// Cases about the semaphores of _ksem_init and its like, as uipc_sem.c has them: open files, which
// fork shares and an exec keeps.

var ksemCases = []testCase{
	{"ksem_between_lwps", ksemLwps},
	{"ksem_between_processes", ksemFork},
	{"ksem_named_between_strangers", ksemNamed},
	{"ksem_sleepers_can_be_killed", ksemKill},
	{"ksem_exec_keeps", ksemExec},
}

const (
	ksemShared = 0x50535244
	oCreat     = 0x200
)

func ksemInit(value, kind int) int {
	id := kind
	must("_ksem_init", sysKsemInit, value, ptr(&id))
	return id
}

func ksemPost(id int) { must("_ksem_post", sysKsemPost, id) }
func ksemWait(id int) { must("_ksem_wait", sysKsemWait, id) }

func ksemLwps() {
	cells[4] = ksemInit(0, 0)
	cells[5] = ksemInit(0, 0)
	for i := 1; i <= 2; i++ {
		lwpCreate(i, 0, func() {
			for n := 0; n < 200; n++ {
				ksemWait(cells[4])
				ksemPost(cells[5])
			}
		})
	}
	for n := 0; n < 400; n++ {
		ksemPost(cells[4])
		ksemWait(cells[5])
	}
	must("_lwp_wait", sysLwpWait, 0, 0)
	must("_lwp_wait", sysLwpWait, 0, 0)
	errs("_ksem_trywait", eagain, sysKsemTrywait, cells[4])
}

func ksemFork() {
	shared, own, back := ksemInit(0, ksemShared), ksemInit(0, 0), ksemInit(0, 0)
	pid := fork(func() {
		ksemWait(shared)
		ksemPost(back)
		ksemWait(own)
		errs("_ksem_destroy of the parent's", einval, sysKsemDestroy, shared)
		ksemPost(back)
	})
	ksemPost(shared)
	ksemWait(back)
	ksemPost(own)
	ksemWait(back)
	reapOK(pid)
	must("_ksem_destroy", sysKsemDestroy, shared)
	errs("_ksem_post of one that is gone", einval, sysKsemPost, shared)
}

var semName = [...]byte{'/', 's', 0}

func ksemOpen(flags int) (id int) {
	must("_ksem_open", sysKsemOpen, ptr(&semName), flags, 0o600, 0, ptr(&id))
	return id
}

func ksemNamed() {
	var done pipe
	done.open()
	pid := fork(func() {
		id := ksemOpen(oCreat)
		done.post()
		ksemWait(id)
	})
	done.wait()
	id := ksemOpen(0)
	must("_ksem_unlink", sysKsemUnlink, ptr(&semName))
	ksemPost(id)
	reapOK(pid)
	errs("_ksem_open once the name is gone", enoent, sysKsemOpen, ptr(&semName), 0, 0, 0, ptr(&id))
}

func ksemKill() {
	id, ready := ksemInit(0, ksemShared), ksemInit(0, 0)
	pid := fork(func() {
		lwpCreate(1, 0, func() { ksemWait(id) })
		ksemPost(ready)
		ksemWait(id)
	})
	ksemWait(ready)
	kill(pid, sigKILL)
	reap(pid, sigKILL)
	ksemPost(id)
	ksemWait(id) // who was killed took nothing
}

func ksemExec() {
	eq("the first free descriptor", ksemInit(3, 0), 3)
	reapOK(fork(func() { execSelf("sub_ksem") }))
	var value int32
	must("_ksem_getvalue", sysKsemGetvalue, 3, ptr(&value))
	eq("the value that the program left", int(value), 4)
}

func subKsem() { ksemPost(3) }
