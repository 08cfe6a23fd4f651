package file

import (
	"testing"
	"testing/synctest"
	"time"

	"toaster/internal/filetest"
	"toaster/netbsd"
)

// fifoEnds opens ends of one FIFO.
type fifoEnds struct {
	t    *testing.T
	fifo *Fifo
	open int // that the FIFO was told to close
}

// noName is the name of a FIFO of which nobody asks anything.
type noName struct{ Base }

func (noName) Origin() *Origin { return nil }
func (noName) NameFD() int     { return -1 }

func newFifoEnds(t *testing.T) *fifoEnds {
	return &fifoEnds{t: t, fifo: NewFifo()}
}

func (f *fifoEnds) end(l Sleeper, flags int) (*Description, netbsd.Errno) {
	f.open++
	file, errno := f.fifo.Open(l, flags, noName{}, func() { f.open-- })
	if errno != 0 {
		f.open--
		return nil, errno
	}
	return New(file, flags), 0
}

// now opens an end that does not wait.
func (f *fifoEnds) now(flags int) *Description {
	f.t.Helper()
	d, errno := f.end(nil, flags|netbsd.O_NONBLOCK)
	if errno != 0 {
		f.t.Fatal(errno)
	}
	return d
}

func (f *fifoEnds) reads(d *Description, want string, wantErrno netbsd.Errno) {
	f.t.Helper()
	b := make([]byte, 100)
	n, errno := d.Read(nil, b)
	if string(b[:n]) != want || errno != wantErrno {
		f.t.Errorf("read %q, %s, want %q, %s", b[:n], errno.Name(), want, wantErrno.Name())
	}
}

// A writer has met the reader that waited when it came, whatever that one has done since: fifo_open counts and looks
// with the lock held. Here the reader is told of the writer, opens and closes before the writer goes on.
func TestFifoReaderIsGoneAtOnce(t *testing.T) {
	for _, flags := range []int{netbsd.O_WRONLY, netbsd.O_WRONLY | netbsd.O_NONBLOCK} {
		f := newFifoEnds(t)
		reads := end{read: true}
		f.fifo.enter(reads)
		reader := &Waiter{Mask: In, Fn: func(Events) { f.fifo.leave(reads) }}
		f.fifo.openers.Add(reader)
		d, errno := f.end(mustNotSleep{t}, flags)
		f.fifo.openers.Remove(reader)
		if errno != 0 {
			t.Errorf("flags %#x: %s", flags, errno.Name())
			continue
		}
		d.Release()
	}
}

// mustNotSleep is an LWP that has nothing to wait for.
type mustNotSleep struct{ t *testing.T }

func (mustNotSleep) Wake() {}
func (s mustNotSleep) Sleep(bool, time.Time) netbsd.Errno {
	s.t.Error("it sleeps")
	return netbsd.EINTR
}

// TestFifoNonblock follows fifo_open, fifo_read, fifo_write and fifo_close of
// sys/miscfs/fifofs/fifo_vnops.c, where nobody waits.
func TestFifoNonblock(t *testing.T) {
	f := newFifoEnds(t)
	if _, errno := f.end(nil, netbsd.O_WRONLY|netbsd.O_NONBLOCK); errno != netbsd.ENXIO {
		t.Errorf("a writer without reader: %s, want ENXIO", errno.Name())
	}
	r := f.now(netbsd.O_RDONLY)
	if ev := r.File.Poll(In | Hup); ev != 0 {
		t.Errorf("nobody has written, and poll says %#x", ev)
	}
	f.reads(r, "", 0) // no writer: an end, not EAGAIN
	w := f.now(netbsd.O_WRONLY)
	f.reads(r, "", netbsd.EAGAIN)
	w.Write(nil, []byte("one"))
	w2 := f.now(netbsd.O_WRONLY)
	w.Release()
	w2.Write(nil, []byte("two"))
	f.reads(r, "onetwo", 0)
	f.reads(r, "", netbsd.EAGAIN)
	w2.Release()
	if ev := r.File.Poll(In); ev&In == 0 || ev&Hup == 0 {
		t.Errorf("the last writer has gone, and poll says %#x", ev)
	}
	f.reads(r, "", 0)
	if ev := r.File.Poll(In); ev != 0 {
		t.Errorf("the end was read once, and poll says %#x", ev)
	}

	// What was written stays while a writer does.
	w = f.now(netbsd.O_WRONLY)
	w.Write(nil, []byte("kept"))
	r.Release()
	if _, errno := w.Write(nil, []byte("x")); errno != netbsd.EPIPE {
		t.Errorf("a write without reader: %s, want EPIPE", errno.Name())
	}
	r = f.now(netbsd.O_RDONLY)
	f.reads(r, "kept", 0)
	w.Write(nil, []byte("gone"))
	w.Release()
	r.Release()
	r = f.now(netbsd.O_RDONLY)
	f.reads(r, "", 0)
	r.Release()
	if f.open != 0 {
		t.Errorf("%d ends are not closed", f.open)
	}
}

// TestFifoPoll follows fifo_poll, which does not look at what an end is open for: the end of all writing is POLLHUP for who reads, beside which nothing is writable, as POSIX has it. The end of
// all reading is nothing but room for who writes (sowritable: SS_CANTSENDMORE); kevent(2) tells it (filt_fifowrite).
func TestFifoPoll(t *testing.T) {
	f := newFifoEnds(t)
	r := f.now(netbsd.O_RDONLY)
	w := f.now(netbsd.O_WRONLY)
	polls := func(what string, d *Description, want Events) {
		t.Helper()
		if ev := d.File.Poll(In | Out | RdNorm); ev != want {
			t.Errorf("%s: %#x, want %#x", what, ev, want)
		}
	}
	polls("empty", w, Out)
	polls("empty, of who reads: it is not looked at who may", r, Out)
	w.Write(nil, make([]byte, fifoSize))
	polls("full", w, In|RdNorm)
	r.Release()
	polls("full, and the reader has gone", w, In|RdNorm|Out)
	if ev := w.File.Poll(0); ev != 0 {
		t.Errorf("%#x, and nothing was asked for", ev)
	}
	if ev := w.File.Poll(WrHup); ev != WrHup {
		t.Errorf("%#x for kevent(2)", ev)
	}
	r = f.now(netbsd.O_RDONLY)
	polls("full, with a reader again", w, In|RdNorm)
	w.Release()
	polls("the writer has gone, of what it wrote", r, In|RdNorm|Hup)
	if ev := r.File.Poll(Out | WrHup); ev != 0 {
		t.Errorf("%#x for kevent(2): it is full, and who reads is there (filt_fifowrite)", ev)
	}
	r.Read(nil, make([]byte, fifoSize))
	if ev := r.File.Poll(Out | WrHup); ev != Out {
		t.Errorf("%#x for kevent(2): there is room, and who reads is there (filt_fifowrite)", ev)
	}
	r.Release()

	both, w := f.now(netbsd.O_RDWR), f.now(netbsd.O_WRONLY)
	w.Release()
	polls("an end for both is a writer", both, Out)
	both.Release()
}

// TestFifoHears: an end hears of what happens in both directions, as fifo_poll records with both sockets.
func TestFifoHears(t *testing.T) {
	f := newFifoEnds(t)
	r, w := f.now(netbsd.O_RDONLY), f.now(netbsd.O_WRONLY)
	defer r.Release()
	defer w.Release()
	heard := Events(0)
	room, data := &Waiter{Mask: Out, Fn: func(ev Events) { heard |= ev & Out }}, &Waiter{Mask: In, Fn: func(ev Events) { heard |= ev & In }}
	r.File.Watch(room)
	w.File.Watch(data)
	defer r.File.Unwatch(room)
	defer w.File.Unwatch(data)
	w.Write(nil, make([]byte, fifoSize))
	if heard != In {
		t.Errorf("who writes hears %#x of a write", heard)
	}
	r.Read(nil, make([]byte, fifoSize))
	if heard != In|Out {
		t.Errorf("who reads hears %#x of a read", heard)
	}
}

// TestFifoWrites follows sosend of a FIFO's socket, whose buffer has unpst_sendspace bytes and whose mark is PIPE_BUF (fifo_open): what does
// not fit waits for so much room at least, and is split then.
func TestFifoWrites(t *testing.T) {
	f := newFifoEnds(t)
	r, w := f.now(netbsd.O_RDONLY), f.now(netbsd.O_WRONLY)
	defer r.Release()
	defer w.Release()
	for _, c := range []struct {
		take, n, want int
		errno         netbsd.Errno
	}{
		{0, fifoSize + 1, fifoSize, 0},
		{netbsd.PIPE_BUF - 1, netbsd.PIPE_BUF, 0, netbsd.EAGAIN},
		{0, 2 * netbsd.PIPE_BUF, 0, netbsd.EAGAIN},
		{0, netbsd.PIPE_BUF - 1, netbsd.PIPE_BUF - 1, 0},
		{netbsd.PIPE_BUF, 2 * netbsd.PIPE_BUF, netbsd.PIPE_BUF, 0},
	} {
		r.Read(nil, make([]byte, c.take))
		if n, errno := w.Write(nil, make([]byte, c.n)); n != c.want || errno != c.errno {
			t.Errorf("%d taken, and %d written: %d, %s, want %d, %s", c.take, c.n, n, errno.Name(), c.want, c.errno.Name())
		}
	}
}

// TestFifoIoctl follows fifo_ioctl: soo_ioctl of the socket to read from, then of the one to write to, whose answer stays.
func TestFifoIoctl(t *testing.T) {
	f := newFifoEnds(t)
	r, w, both := f.now(netbsd.O_RDONLY), f.now(netbsd.O_WRONLY), f.now(netbsd.O_RDWR)
	w.Write(nil, make([]byte, 100))
	for _, c := range []struct {
		name  string
		d     *Description
		cmd   uint32
		want  uint32
		errno netbsd.Errno
	}{
		{"what there is to read", r, netbsd.FIONREAD, 100, 0},
		{"who writes has nothing to read", w, netbsd.FIONREAD, 0, 0},
		{"nor who does both", both, netbsd.FIONREAD, 0, 0},
		{"what is written is the reader's at once", w, netbsd.FIONWRITE, 0, 0},
		{"the reader sends nothing", r, netbsd.FIONWRITE, 0, 0},
		{"room", w, netbsd.FIONSPACE, fifoSize - 100, 0},
		{"of the reader's own", r, netbsd.FIONSPACE, fifoSize, 0},
		{"SIOCATMARK: no urgent byte", r, netbsd.SIOCATMARK, 0, 0},
		{"unp_ioctl: EOPNOTSUPP", r, netbsd.TIOCGETA, 7, netbsd.EOPNOTSUPP},
		{"the owner is everybody's to ask", r, netbsd.FIOGETOWN, 7, netbsd.EPASSTHROUGH},
	} {
		data := []byte{7, 0, 0, 0}
		if errno := c.d.File.Ioctl(Call{}, c.cmd, data); errno != c.errno || data[0] != byte(c.want) || data[1] != byte(c.want>>8) {
			t.Errorf("%s: %v, %s, want %d, %s", c.name, data, errno.Name(), c.want, c.errno.Name())
		}
	}
	r.Release()
	w.Release()
	both.Release()
}

// TestFifoBoth opens a FIFO for reading and writing, which waits for nobody and has no end.
func TestFifoBoth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFifoEnds(t)
		d, errno := f.end(filetest.NewSleeper(), netbsd.O_RDWR)
		if errno != 0 {
			t.Fatal(errno)
		}
		defer d.Release()
		if ev := d.File.Poll(In | Out); ev != Out {
			t.Errorf("empty: %#x, want Out", ev)
		}
		heard := make(chan Events, 10)
		w := &Waiter{Mask: In | Out, Fn: func(ev Events) { heard <- ev }}
		d.File.Watch(w)
		defer d.File.Unwatch(w)
		d.Write(nil, []byte("x"))
		if ev := <-heard; ev&In == 0 {
			t.Errorf("heard %#x of a write", ev)
		}
		got := make(chan string)
		go func() {
			b := make([]byte, 10)
			n, _ := d.Read(filetest.NewSleeper(), b)
			m, _ := d.Read(filetest.NewSleeper(), b[n:])
			got <- string(b[:n+m])
		}()
		synctest.Wait()
		d.Write(nil, []byte("y"))
		if s := <-got; s != "xy" {
			t.Errorf("read %q", s)
		}
	})
}

// TestFifoOpenWaits has each end wait for the other, in either order, and a signal end it.
func TestFifoOpenWaits(t *testing.T) {
	for _, mode := range []int{netbsd.O_RDONLY, netbsd.O_WRONLY} {
		synctest.Test(t, func(t *testing.T) {
			f := newFifoEnds(t)
			other := netbsd.O_RDONLY + netbsd.O_WRONLY - mode
			l := filetest.NewSleeper()
			opened := make(chan netbsd.Errno)
			var d *Description
			open := func() {
				var errno netbsd.Errno
				d, errno = f.end(l, mode)
				opened <- errno
			}
			go open()
			synctest.Wait()
			l.Signal <- netbsd.EINTR
			if errno := <-opened; errno != netbsd.EINTR {
				t.Errorf("a signal: %s", errno.Name())
			}
			go open()
			synctest.Wait()
			e, errno := f.end(filetest.NewSleeper(), other)
			if errno != 0 {
				t.Fatal(errno)
			}
			if errno := <-opened; errno != 0 {
				t.Fatal(errno)
			}
			e.Release()
			d.Release()
			if f.open != 0 {
				t.Errorf("%d ends are not closed", f.open)
			}
		})
	}
}

// TestFifoWriterThatWent lets a reader in that waited, though the writer has come and gone
// before it could look.
func TestFifoWriterThatWent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFifoEnds(t)
		opened := make(chan *Description)
		l := &slow{Sleeper: filetest.NewSleeper(), may: make(chan struct{})}
		go func() {
			d, _ := f.end(l, netbsd.O_RDONLY)
			opened <- d
		}()
		synctest.Wait()
		f.now(netbsd.O_WRONLY).Release()
		close(l.may)
		d := <-opened
		b := make([]byte, 1)
		if n, errno := d.Read(nil, b); n != 0 || errno != 0 {
			t.Errorf("read %d, %s, want the end", n, errno.Name())
		}
		d.Release()
	})
}

// slow runs again only when it may.
type slow struct {
	*filetest.Sleeper
	may chan struct{}
}

func (s *slow) Sleep(interruptible bool, deadline time.Time) netbsd.Errno {
	errno := s.Sleeper.Sleep(interruptible, deadline)
	<-s.may
	return errno
}
