package file

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"testing/synctest"

	"toaster/internal/filetest"
	"toaster/netbsd"
)

func TestPipeModel(t *testing.T) {
	r, w := NewPipe(0)
	defer r.Release()
	defer w.Release()
	r.SetNonblock(true)
	w.SetNonblock(true)
	var model []byte
	rnd := rand.New(rand.NewPCG(1, 2))
	next := byte(0)
	for i := range 20000 {
		if rnd.IntN(2) == 0 {
			b := make([]byte, rnd.IntN(1<<rnd.IntN(18)))
			for j := range b {
				b[j] = next + byte(j)
			}
			n, errno := w.Write(nil, b)
			space := pipeSize - len(model)
			want := min(len(b), space)
			if len(b) <= netbsd.PIPE_BUF && space < len(b) {
				want = 0
			}
			if n != want || (errno != 0) != (want == 0 && len(b) > 0) {
				t.Fatalf("step %d: write of %d with %d free: %d %v", i, len(b), space, n, errno)
			}
			next += byte(n)
			model = append(model, b[:n]...)
			continue
		}
		b := make([]byte, rnd.IntN(1<<rnd.IntN(18)))
		n, errno := r.Read(nil, b)
		if want := min(len(b), len(model)); n != want || (errno != 0) != (len(model) == 0 && len(b) > 0) {
			t.Fatalf("step %d: read %d of %d: %d %v", i, len(b), len(model), n, errno)
		}
		if !bytes.Equal(b[:n], model[:n]) {
			t.Fatalf("step %d: bytes changed", i)
		}
		model = model[n:]
	}
}

func TestPipeBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := NewPipe(0)
		var got []byte
		done := false
		go func() {
			b := make([]byte, 1000)
			for l := filetest.NewSleeper(); ; {
				n, errno := r.Read(l, b)
				if errno != 0 {
					t.Error(errno)
				}
				if n == 0 {
					break
				}
				got = append(got, b[:n]...)
			}
			done = true
		}()
		synctest.Wait()
		data := bytes.Repeat([]byte("x"), 1<<20)
		if n, errno := w.Write(filetest.NewSleeper(), data); n != len(data) || errno != 0 {
			t.Error(n, errno)
		}
		synctest.Wait()
		if done {
			t.Error("the end came before the close")
		}
		w.Release()
		synctest.Wait()
		if !done || !bytes.Equal(got, data) {
			t.Errorf("done %v, %d bytes", done, len(got))
		}
		r.Release()
	})
}

// What is left of a long write waits for room for all of it, once it is no longer than PIPE_BUF (pipe_write, of uio_resid).
func TestPipeRestIsWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := NewPipe(0)
		l := filetest.NewSleeper()
		w.Write(l, make([]byte, pipeSize))
		go w.Write(filetest.NewSleeper(), make([]byte, 1000))
		for _, c := range []struct{ take, left int }{{600, pipeSize}, {200, pipeSize - 200}, {400, pipeSize - 200}} {
			synctest.Wait()
			r.Read(l, make([]byte, c.take))
			synctest.Wait()
			if n := r.File.(Counter).ReadCount(); n != int64(c.left) {
				t.Errorf("%d taken: %d bytes to read, want %d", c.take, n, c.left)
			}
		}
		r.Release()
		w.Release()
	})
}

func TestPipeEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := NewPipe(0)
		l := filetest.NewSleeper()
		fill := bytes.Repeat([]byte("x"), pipeSize)
		if n, errno := w.Write(l, fill); n != pipeSize || errno != 0 {
			t.Fatal(n, errno)
		}
		if ev := w.File.Poll(Out); ev != 0 {
			t.Errorf("full: %x", ev)
		}
		// Interrupted before anything was written, and after.
		l.Signal <- netbsd.ERESTART
		if _, errno := w.Write(l, fill); errno != netbsd.ERESTART {
			t.Error(errno)
		}
		r.Read(l, make([]byte, 600))
		l.Signal <- netbsd.EINTR
		if n, errno := w.Write(l, fill); n != 600 || errno != 0 {
			t.Error(n, errno)
		}
		// A small write waits for room for all of it.
		r.Read(l, make([]byte, 100))
		wrote := false
		go func() {
			w.Write(filetest.NewSleeper(), fill[:200])
			wrote = true
		}()
		synctest.Wait()
		if wrote {
			t.Error("a small write was split")
		}
		r.Read(l, make([]byte, 600))
		synctest.Wait()
		if !wrote {
			t.Error("the writer sleeps on")
		}
		var errno netbsd.Errno
		go func() { _, errno = w.Write(filetest.NewSleeper(), fill) }()
		synctest.Wait()
		r.Release()
		synctest.Wait()
		if errno != netbsd.EPIPE {
			t.Error(errno)
		}
		if ev := w.File.Poll(Out); ev&Hup == 0 {
			t.Errorf("%x", ev)
		}
		w.Release()
	})
}

// A close in one LWP sends a read of another back, which then finds no descriptor.
func TestCloseWhileReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := NewPipe(0)
		l := filetest.NewSleeper()
		var tab *Table
		m := NewMachine(MachineConfig{TableOf: func(s Sleeper) *Table {
			if s == l {
				return tab
			}
			return nil
		}})
		tab = m.NewTable()
		fd, _ := tab.Install(r, 0, noLimit, 0)
		errno := netbsd.Errno(-1)
		go func() {
			d, _ := tab.Get(fd)
			defer d.Release()
			_, errno = d.Read(l, make([]byte, 1))
		}()
		synctest.Wait()
		other := tab.Fork(false)
		other.Close() // another process's close is none of its business
		synctest.Wait()
		if errno != -1 {
			t.Error(errno)
		}
		tab.CloseFD(fd)
		synctest.Wait()
		if errno != netbsd.ERESTART {
			t.Error(errno)
		}
		if _, errno := w.Write(filetest.NewSleeper(), []byte("x")); errno != netbsd.EPIPE {
			t.Error(errno)
		}
		w.Release()
		tab.Close()
	})
}

// pipe_poll, pipe_ioctl and pipe_stat: each end has a buffer of its own, and that of the end to write to is empty for good. Once the
// other end is closed an end can be read and written, whichever it is.
func TestPipeEndsAreTwo(t *testing.T) {
	r, w := NewPipeOf(Owner{UID: 7, GID: 8}, 0)
	defer r.Release()
	w.File.Write(Call{}, []byte("abc"))
	ask := func(d *Description, cmd uint32) int {
		var b [4]byte
		if errno := d.File.Ioctl(Call{}, cmd, b[:]); errno != 0 {
			t.Error(errno)
		}
		return int(b[0]) | int(b[1])<<8 | int(b[2])<<16
	}
	for _, c := range []struct {
		name string
		got  int
		want int
	}{
		{"FIONREAD of the reader", ask(r, netbsd.FIONREAD), 3}, {"FIONREAD of the writer", ask(w, netbsd.FIONREAD), 0},
		{"FIONWRITE of the reader", ask(r, netbsd.FIONWRITE), 0}, {"FIONWRITE of the writer", ask(w, netbsd.FIONWRITE), 3},
		{"FIONSPACE of the reader", ask(r, netbsd.FIONSPACE), 0}, {"FIONSPACE of the writer", ask(w, netbsd.FIONSPACE), pipeSize - 3},
		{"poll of the reader", int(r.File.Poll(In | Out)), int(In)}, {"poll of the writer", int(w.File.Poll(In | Out)), int(Out)},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d, want %d", c.name, c.got, c.want)
		}
	}
	for d, size := range map[*Description]int64{r: 3, w: 0} {
		st, _ := d.File.Stat()
		if st.Size != size || st.Blocks != min(size, 1) || st.Nlink != 0 || st.UID != 7 || st.GID != 8 {
			t.Errorf("%+v", st)
		}
	}
	r.File.Close()
	if ev := w.File.Poll(In | Out); ev != In|Out|Hup {
		t.Errorf("poll of the writer without a reader: %#x", ev)
	}
	if n := ask(w, netbsd.FIONSPACE); n != 0 {
		t.Errorf("FIONSPACE without a reader: %d", n)
	}
	r, w = NewPipe(0)
	defer r.Release()
	w.Release()
	if ev := r.File.Poll(In | Out); ev != In|Out|Hup {
		t.Errorf("poll of the reader without a writer: %#x", ev)
	}
}
