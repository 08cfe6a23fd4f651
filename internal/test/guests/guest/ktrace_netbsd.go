package main

// A guest that traces itself by ktrace(2); the host's test reads the file.

const (
	sysKtrace = 45
	sysUtrace = 306
)

// subKtrace traces itself and a child into the file "trace": calls, names, data, signals, sleeps and
// what it says itself (ktrace(2)).
func subKtrace() {
	name := cstring("trace\x00")
	must("close", sysClose, must("open", sysOpen, name, 0x202, 0o600))
	const facs = 1<<1 | 1<<2 | 1<<3 | 1<<4 | 1<<5 | 1<<6 | 1<<7 | 1<<8 | 0x40000000
	must("ktrace", sysKtrace, name, 0, facs, getpid())
	getpid()
	errs("open", enoent, sysOpen, cstring("missing\x00"), 0)
	must("utrace", sysUtrace, cstring("label\x00"), cstring("data"), 4)
	var p pipe
	p.open()
	child := fork(func() {
		must("write", sysWrite, int(p.w), cstring("moved"), 5)
		kill(getpid(), sigTERM)
	})
	must("read", sysRead, int(p.r), ptr(&mqBuf), 5)
	reap(child, sigTERM)
	// Neither need have slept: the child may have been first. This does (KTR_CSW).
	must("nanosleep", sysNanosleep, ptr(&[2]int64{0, 1e6}), 0)
}
