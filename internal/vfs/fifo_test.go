package vfs

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"toaster/internal/filetest"
	"toaster/netbsd"
)

// TestFifoInside checks that below a root a FIFO of the host has no other end out there:
// neither side sees the other, whoever opens first.
func TestFifoInside(t *testing.T) {
	eachWorld(t, func(t *testing.T, w world) {
		if w.prefix != "" {
			t.Skip("in the host's tree its FIFOs are the guest's")
		}
		host := filepath.Join(w.dir, "p")
		if err := syscall.Mkfifo(host, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := os.OpenFile(host, os.O_RDWR|unix.O_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		out.WriteString("from outside")
		if errno := w.openErr("p", netbsd.O_WRONLY|netbsd.O_NONBLOCK); errno != netbsd.ENXIO {
			t.Errorf("a guest writes to a reader outside: %s, want ENXIO", errno.Name())
		}
		r, errno := w.Open(netbsd.AT_FDCWD, "p", netbsd.O_RDONLY|netbsd.O_NONBLOCK, 0)
		if errno != 0 {
			t.Fatal(errno)
		}
		defer r.Release()
		b := make([]byte, 100)
		if n, errno := r.Read(w.L, b); n != 0 || errno != 0 {
			t.Errorf("a guest reads %q, %s", b[:n], errno.Name())
		}
		out.Close()
		if fd, err := unix.Open(host, unix.O_WRONLY|unix.O_NONBLOCK, 0); err != unix.ENXIO {
			unix.Close(fd)
			t.Errorf("outside a guest's reader is seen: %v, want ENXIO", err)
		}
		wr, errno := w.Open(netbsd.AT_FDCWD, "/p", netbsd.O_WRONLY, 0)
		if errno != 0 {
			t.Fatal(errno)
		}
		defer wr.Release()
		wr.Write(w.L, []byte("inside"))
		if n, errno := r.Read(w.L, b); string(b[:n]) != "inside" || errno != 0 {
			t.Errorf("a guest reads %q, %s", b[:n], errno.Name())
		}
		if name, errno := w.PathOf(r); name != "/p" || errno != 0 {
			t.Errorf("it is called %q, %v", name, errno)
		}
	})
}

// TestFifoTableEmpties checks that the kernel forgets a FIFO that nobody has open, also if
// who waited was killed.
func TestFifoTableEmpties(t *testing.T) {
	eachWorld(t, func(t *testing.T, w world) {
		w.Mknod(netbsd.AT_FDCWD, "p", netbsd.S_IFIFO|0o600)
		w.View.L = interrupted{}
		w.openErr("p", netbsd.O_RDONLY) // starts what waits for the host
		before := filetest.OpenFDs(t)
		for _, mode := range []int{netbsd.O_RDONLY, netbsd.O_WRONLY} {
			w.View.L = interrupted{}
			w.openErr("p", mode)
			w.View.L = killed{}
			done := make(chan struct{})
			go func() {
				defer close(done)
				w.openErr("p", mode)
			}()
			<-done
		}
		if n := len(w.Dirs.tree.fifos.open); n != 0 {
			t.Errorf("%d FIFOs are kept", n)
		}
		if after := filetest.OpenFDs(t); after != before {
			t.Errorf("%d descriptors are open, before %d", after, before)
		}
	})
}

// killed is an LWP that dies in its sleep.
type killed struct{}

func (killed) Wake() {}
func (killed) Sleep(bool, time.Time) netbsd.Errno {
	runtime.Goexit()
	return 0
}

// waiting is an LWP that counts its first sleep.
type waiting struct {
	*filetest.Sleeper
	asleep func()
}

func (w *waiting) Sleep(interruptible bool, deadline time.Time) netbsd.Errno {
	w.asleep()
	return w.Sleeper.Sleep(interruptible, deadline)
}

// TestFifoManyWait has hundreds of guests wait for the other end of FIFOs. They cost no
// more than a few threads of the host; whoever comes for one lets its guest go on, be it
// a program of the host; and a signal ends the others' waits.
func TestFifoManyWait(t *testing.T) {
	const many = 300
	eachWorld(t, func(t *testing.T, w world) {
		var sleepers []*filetest.Sleeper
		var asleep sync.WaitGroup
		results := map[string]chan netbsd.Errno{}
		threads := filetest.Entries(t, "/proc/self/task")
		start := func(name string, mode int) {
			w.Mknod(netbsd.AT_FDCWD, name, netbsd.S_IFIFO|0o600)
			asleep.Add(1)
			w := w
			l := &waiting{Sleeper: filetest.NewSleeper(), asleep: sync.OnceFunc(asleep.Done)}
			sleepers = append(sleepers, l.Sleeper)
			w.View.L = l
			result := make(chan netbsd.Errno, 1)
			results[name] = result
			go func() { result <- w.openErr(name, mode) }()
		}
		for i := range many {
			mode := netbsd.O_WRONLY
			if i%2 == 0 {
				mode = netbsd.O_RDONLY
			}
			start("p"+strconv.Itoa(i), mode)
		}
		start("lastReader", netbsd.O_RDONLY)
		start("lastWriter", netbsd.O_WRONLY)
		asleep.Wait()
		if now := filetest.Entries(t, "/proc/self/task"); now > threads+fifoThreads+50 {
			t.Errorf("%d threads, before %d", now, threads)
		}
		// A reader comes for the writer that is waiting, and a silent writer for the reader.
		for name, mode := range map[string]int{"lastWriter": netbsd.O_RDONLY, "lastReader": netbsd.O_WRONLY} {
			if w.prefix == "" {
				d, errno := w.Open(netbsd.AT_FDCWD, name, mode|netbsd.O_NONBLOCK, 0)
				// Who sleeps need not be in the host's open(2) yet: until then there is no reader.
				for errno == netbsd.ENXIO {
					runtime.Gosched()
					d, errno = w.Open(netbsd.AT_FDCWD, name, mode|netbsd.O_NONBLOCK, 0)
				}
				if errno != 0 {
					t.Fatal(errno)
				}
				defer d.Release()
			} else {
				fd, err := unix.Open(filepath.Join(w.dir, name), mode, 0)
				if err != nil {
					t.Fatal(err)
				}
				defer unix.Close(fd)
			}
			if errno := <-results[name]; errno != 0 {
				t.Errorf("%s: %s", name, errno.Name())
			}
		}
		for _, l := range sleepers {
			l.Signal <- netbsd.EINTR
		}
		for i := range many {
			if errno := <-results["p"+strconv.Itoa(i)]; errno != netbsd.EINTR {
				t.Errorf("p%d: %s, want EINTR", i, errno.Name())
			}
		}
		if n := w.Dirs.tree.fifoWaits.Load(); n != 0 {
			t.Errorf("%d threads still wait", n)
		}
	})
}
