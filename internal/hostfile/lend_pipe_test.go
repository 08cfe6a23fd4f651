package hostfile

import (
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/filetest"
	"toaster/netbsd"
)

// lentPipe is a pipe(2) whose ends have been lent, as the host's descriptors.
func lentPipe(t *testing.T, h *Host) (r, w *file.Description, hostR, hostW int) {
	t.Helper()
	if !nowaitPipes() {
		t.Skip("this host has no RWF_NOWAIT for pipes")
	}
	r, w = file.NewPipe(0)
	t.Cleanup(r.Release)
	t.Cleanup(w.Release)
	hostR, okR := r.HostToLend(h.LentPipe)
	hostW, okW := w.HostToLend(h.LentPipe)
	if !okR || !okW {
		t.Fatal("a pipe is not lent")
	}
	return r, w, hostR, hostW
}

func hostNonblock(t *testing.T, fd int) bool {
	t.Helper()
	fl, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		t.Fatal(err)
	}
	return fl&unix.O_NONBLOCK != 0
}

// O_NONBLOCK is the description's (fcntl(2)): whoever has it, and has changed it, finds the same on the host.
func TestLentPipeHasTheGuestsFlags(t *testing.T) {
	h := newHost(t)
	r, w, hostR, hostW := lentPipe(t, h)
	if hostNonblock(t, hostR) || hostNonblock(t, hostW) {
		t.Error("it does not wait")
	}
	r.SetNonblock(true)
	if !hostNonblock(t, hostR) || hostNonblock(t, hostW) {
		t.Error("F_SETFL at one end")
	}
	r.SetNonblock(false)
	w.SetFlags(netbsd.O_NONBLOCK)
	if hostNonblock(t, hostR) || !hostNonblock(t, hostW) {
		t.Error("F_SETFL at the other end")
	}
	r2, w2 := file.NewPipe(netbsd.O_NONBLOCK)
	defer r2.Release()
	defer w2.Release()
	if fd, ok := w2.HostToLend(h.LentPipe); !ok || !hostNonblock(t, fd) {
		t.Error("pipe2(2) with O_NONBLOCK")
	}
}

// The kernel never waits in the host, whatever the flag: neither for data nor for room.
func TestKernelDoesNotWaitInALentPipe(t *testing.T) {
	h := newHost(t)
	r, w, hostR, hostW := lentPipe(t, h)
	b := make([]byte, 128<<10)
	rf, wf := r.File, w.File
	if n, errno := rf.Read(file.Call{Nonblock: true}, b); errno != netbsd.EAGAIN {
		t.Errorf("read: %d, %v", n, errno)
	}
	if n, errno := wf.Write(file.Call{Nonblock: true}, b); n != file.PipeSize || errno != 0 {
		t.Errorf("write: %d, %v", n, errno)
	}
	if n, errno := wf.Write(file.Call{Nonblock: true}, b); errno != netbsd.EAGAIN {
		t.Errorf("write to a full one: %d, %v", n, errno)
	}
	if hostNonblock(t, hostR) || hostNonblock(t, hostW) {
		t.Error("the flag is not the guest's any more")
	}
	if n := rf.(file.Counter).ReadCount(); n != file.PipeSize {
		t.Errorf("FIONREAD: %d", n)
	}
}

// Who sleeps in the kernel is woken by what a host process does at the other end, and by its end.
func TestLentPipeWakesTheKernelsSleepers(t *testing.T) {
	h := newHost(t)
	r, _, _, hostW := lentPipe(t, h)
	got := make(chan string)
	l := filetest.NewSleeper()
	l.Asleep = make(chan struct{}, 1000)
	go func() {
		b := make([]byte, 10)
		for range 2 {
			n, _ := r.Read(l, b)
			got <- string(b[:n])
		}
	}()
	for _, s := range []string{"a", "b"} {
		<-l.Asleep
		unix.Write(hostW, []byte(s))
		if g := <-got; g != s {
			t.Errorf("%q", g)
		}
	}
	end, _ := r.File.(file.PipeEnd).Promote(h.newPipe)
	filetest.Eventually(t, "nobody to watch", end.(*File).poll.queue.Empty)
}

// A pipe that somebody hears of, as a kqueue(2) does, is not lent, and stays the kernel's; who comes later hears of what
// host processes do.
func TestOverheardPipeIsNotLent(t *testing.T) {
	h := newHost(t)
	for _, side := range []string{"r", "w"} {
		r, w := file.NewPipe(0)
		f := map[string]*file.Description{"r": r, "w": w}[side].File
		x := &file.Waiter{Mask: ^file.Events(0), Fn: func(file.Events) {}}
		f.Watch(x)
		_, okR := r.HostToLend(h.LentPipe)
		_, okW := w.HostToLend(h.LentPipe)
		if okR || okW {
			t.Errorf("%s: lent", side)
		}
		f.Unwatch(x)
		r.Release()
		w.Release()
	}
	r, _, _, hostW := lentPipe(t, h)
	var heard atomic.Int32
	x := &file.Waiter{Mask: file.Readable, Fn: func(file.Events) { heard.Add(1) }}
	r.File.Watch(x)
	unix.Write(hostW, []byte("x"))
	filetest.Eventually(t, "an event", func() bool { return heard.Load() > 0 })
	if _, ok := r.HostToLend(h.LentPipe); ok {
		t.Error("lent again")
	}
	r.File.Unwatch(x)
}
