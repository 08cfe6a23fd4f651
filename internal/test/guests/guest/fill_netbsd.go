package main

// subFill forks until it is refused. The children stay: the first in user mode, the others
// in a call. It says how many there were and the errno, and shows that, once
// they have gone, there is room again.
func subFill() {
	n, errno := 0, 0
	var hold pipe
	hold.open()
	for errno == 0 {
		if n, errno = fill(n, &hold); n == maxFill {
			fail("nothing refuses")
		}
	}
	put("forked ")
	putInt(n)
	put(", errno ")
	putInt(errno)
	for i := range n {
		kill(int(filled[i]), sigKILL)
		reap(int(filled[i]), sigKILL)
	}
	for try := 0; ; try++ { // the last of them may not have gone from the host yet
		pid, e := call(sysFork)
		if e == 0 {
			if pid == 0 {
				exit(0)
			}
			reapOK(pid)
			break
		}
		if try == 1000 {
			eq(", fork then", e, 0)
		}
		pause := [2]int64{0, 10e6}
		call(sysNanosleep, ptr(&pause), 0)
	}
	put(", then again\n")
	call(sysWrite, 1, ptr(&line), lineLen)
}

const (
	maxFill = 3000
	inUser  = 8
)

var filled [maxFill]int32

// fill makes one child more.
func fill(n int, hold *pipe) (children, errno int) {
	pid, e := call(sysFork)
	if e != 0 {
		return n, e
	}
	if pid == 0 {
		for n < inUser {
			spin()
		}
		hold.wait()
		exit(0)
	}
	filled[n] = int32(pid)
	return n + 1, 0
}

// spin stays in user mode for a while.
func spin() {
	for i := range 1 << 20 {
		add(&spun)
		if i < 0 {
			return
		}
	}
}

var spun int
