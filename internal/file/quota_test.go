package file

import (
	"bytes"
	"testing"

	"toaster/netbsd"
)

// sink is a file that keeps what is written to it, at most some bytes at a time.
type sink struct {
	Base
	got    bytes.Buffer
	atOnce int
}

func (s *sink) Write(_ Call, b []byte) (int, netbsd.Errno) {
	n, _ := s.got.Write(b[:min(len(b), s.atOnce)])
	return n, 0
}

// ENFILE of open(2): the table of open files is full. It is one for all processes; dup(2)
// and fork(2) add nothing, and the last reference makes room.
func TestQuota(t *testing.T) {
	full := 0
	q := &Quota{Max: 2, Full: func() { full++ }}
	m := NewMachine(MachineConfig{Quota: q})
	a := m.NewTable()
	install := func(t1 *Table) netbsd.Errno {
		d := New(&sink{}, netbsd.O_RDWR)
		_, errno := t1.Install(d, 0, 100, 0)
		if errno != 0 {
			d.Release()
		}
		return errno
	}
	if errno := install(a); errno != 0 {
		t.Fatal(errno)
	}
	b := a.Fork(false)
	if _, errno := a.Dup(0, 0, 100, 0); errno != 0 || q.Open() != 1 {
		t.Errorf("dup: %v, %d open files", errno, q.Open())
	}
	if errno := install(b); errno != 0 {
		t.Errorf("the second file: %v", errno)
	}
	if errno := install(a); errno != netbsd.ENFILE || full != 1 {
		t.Errorf("the third one: %v, told %d times; want ENFILE, once", errno, full)
	}
	if errno := b.CloseFD(1); errno != 0 {
		t.Fatal(errno)
	}
	if errno := install(a); errno != 0 {
		t.Errorf("after a close: %v", errno)
	}
	a.Close()
	b.Close()
	if q.Open() != 0 {
		t.Errorf("%d open files are left", q.Open())
	}
}

// What a meter lets pass arrives, also in pieces; the first byte beyond is told, and from
// then on nothing is written, as at RLIMIT_FSIZE (write(2): EFBIG).
func TestMeter(t *testing.T) {
	over := 0
	s := &sink{atOnce: 3}
	d := New(s, netbsd.O_WRONLY)
	defer d.Release()
	d.SetMeter(NewMeter(10, func() { over++ }))
	for _, w := range []struct {
		text  string
		n     int
		errno netbsd.Errno
		over  int
	}{
		{"abcdef", 3, 0, 0},
		{"def", 3, 0, 0},
		{"gh", 2, 0, 0},
		{"ijk", 2, 0, 1},
		{"k", 0, netbsd.EFBIG, 1},
		{"k", 0, netbsd.EFBIG, 1},
	} {
		n, errno := d.Write(nil, []byte(w.text))
		if n != w.n || errno != w.errno || over != w.over {
			t.Errorf("%q: %d, %v, told %d times; want %d, %v, %d", w.text, n, errno, over, w.n, w.errno, w.over)
		}
	}
	if got := s.got.String(); got != "abcdefghij" {
		t.Errorf("%q arrived", got)
	}
}

// kern.maxfiles as the superuser has set it binds beside the machine's own bound, and nobody is told of it; files that are open stay.
func TestQuotaLimit(t *testing.T) {
	full := 0
	q := &Quota{Max: 3, Full: func() { full++ }}
	table := NewMachine(MachineConfig{Quota: q}).NewTable()
	defer table.Close()
	install := func() netbsd.Errno {
		d := New(&sink{}, netbsd.O_RDWR)
		_, errno := table.Install(d, 0, 100, 0)
		if errno != 0 {
			d.Release()
		}
		return errno
	}
	for _, c := range []struct {
		limit int
		want  netbsd.Errno
		told  int
	}{{2, 0, 0}, {2, 0, 0}, {2, netbsd.ENFILE, 0}, {1, netbsd.ENFILE, 0}, {9, 0, 0}, {9, netbsd.ENFILE, 1}} {
		q.Limit(c.limit)
		if errno := install(); errno != c.want || full != c.told {
			t.Errorf("limit %d with %d open: %v, told %d times; want %v, %d", c.limit, q.Open(), errno, full, c.want, c.told)
		}
	}
}
