package kern

import (
	"encoding/binary"
	"fmt"
	"runtime/debug"
	"testing"
	"testing/synctest"
	"time"

	"toaster/netbsd"
)

// FuzzCalls has a guest make calls with arbitrary numbers: each has an errno or an
// effect, and the tree stays whole.
func FuzzCalls(f *testing.F) {
	f.Add([]byte("\x00\xff\xff\xff\xff\x01\x02\x00\x01\x7f\x00\x00\x80\x09\x03\x05"))
	f.Add([]byte{0, 9, 3, 4, 5, 6, 200, 1, 14, 2, 0, 0, 0, 1, 1, 1, 16, 200, 200, 200})
	f.Fuzz(func(t *testing.T, data []byte) {
		hang := time.AfterFunc(10*time.Second, func() {
			debug.SetTraceback("all")
			panic(fmt.Sprintf("hangs: %q", data))
		})
		defer hang.Stop()
		for _, r := range releases {
			synctest.Test(t, func(t *testing.T) {
				m := New(Config{Release: r, MaxProc: 50})
				m.Spawn(SpawnArgs{Body: func(l *LWP) { fuzzCalls(l, data) }})
				synctest.Wait()
				check(t, m)
				m.Close()
				check(t, m)
			})
		}
	})
}

func fuzzCalls(l *LWP, data []byte) {
	num := func() int {
		if len(data) < 5 {
			return 0
		}
		v := int(int32(binary.LittleEndian.Uint32(data)))
		if data[4]&3 != 0 { // mostly near what exists
			v %= 12
		}
		data = data[5:]
		return v
	}
	for n := 0; len(data) >= 5 && n < 60; n++ {
		op := data[0]
		data = data[1:]
		switch op % 24 {
		case 0:
			l.Wait4(num(), num()|netbsd.WNOHANG, nil)
		case 1:
			l.Wait6(num(), num(), num()|netbsd.WNOHANG, nil)
		case 2:
			l.Kill(num(), netbsd.Signal(num()))
		case 3:
			l.Setpgid(num(), num())
		case 4:
			l.Fork(ForkArgs{Body: sleepForever, ExitSignal: netbsd.Signal(num())})
		case 5:
			l.NewLWP(num(), sleepForever, false, nil)
		case 6:
			l.LWPDetach(num())
		case 7:
			l.LWPContinue(num())
		case 8:
			l.LWPKill(num(), netbsd.Signal(num()))
		case 9:
			l.Unpark(num(), num())
		case 10:
			l.PtraceAttach(num())
		case 11:
			l.PtraceResume(num(), ResumeArgs{Signal: netbsd.Signal(num()), LWP: num(), Step: op&32 != 0, Detach: op&64 != 0})
		case 12:
			l.PtraceKill(num())
		case 13:
			l.Sigaction(netbsd.Signal(num()), &Action{Handler: uint64(op >> 7), Flags: int32(num())})
		case 14:
			s := netbsd.Sigset(num())
			l.Sigprocmask(num(), &s)
		case 15:
			l.Setitimer(num(), Itimerval{time.Duration(num()), time.Duration(num())})
		case 16:
			l.SetRlimit(num(), Rlimit{uint64(num()), uint64(num())})
		case 17:
			l.Getpgid(num())
			l.Getsid(num())
		case 18:
			l.Setreuid(int64(num()), int64(num()))
		case 19:
			l.Setsid()
		case 20:
			l.Sigaltstack(&Altstack{Flags: int32(num()), Size: uint64(num())})
		case 21:
			l.Proc().TimerSettime(num(), Itimerval{time.Duration(num()), 0})
			l.Proc().TimerCreate(netbsd.CLOCK_REALTIME, &netbsd.Siginfo{Signo: netbsd.Signal(num())})
		case 22:
			l.LWPWakeup(num())
			l.LWPSetName(num(), "name")
		case 23:
			l.Proc().Machine().OpenHandle(num(), true)
			l.Proc().Machine().Kill(num(), netbsd.Signal(num()))
			l.Proc().Machine().FindPgrp(num())
			l.Proc().Rusage(num())
			l.Proc().RasControl(RAS{uint64(num()), uint64(num())}, num())
		}
	}
}
