package file

import (
	"testing"

	"toaster/netbsd"
)

// lentPipe is a table with the read end of a pipe, lent by descriptors 0 and 2, and the other end as 1.
func lentPipe(t *testing.T, m *Machine, b *borrower) (tab *Table, r, w *Description) {
	t.Helper()
	tab = m.NewTable()
	r, w = NewPipe(0)
	tab.Install(r, 0, noLimit, 0)
	tab.Install(w, 0, noLimit, 0)
	tab.Dup2(0, 2, noLimit, 0)
	for _, fd := range []int{0, 2} {
		if !tab.Lend(fd, r, b, always) {
			t.Fatalf("descriptor %d is not lent", fd)
		}
	}
	b.wantTold(t, "0=5 2=5")
	return tab, r, w
}

// pipe_read tells of each read: whoever relies on that has lent read ends taken back, and they are not lent as long as he does. A read
// that is on its way he is told of.
func TestReadsAreTold(t *testing.T) {
	b := &borrower{}
	tab, r, w := lentPipe(t, NewMachine(MachineConfig{}), b)
	defer tab.Close()
	told := 0
	hears := &Waiter{Mask: Writable, Fn: func(Events) { told++ }}
	w.File.Watch(hears)
	b.wantTold(t, "") // whose writes do not wait needs no more than the host's word
	w.File.(ReadTeller).TellReads()
	b.wantTold(t, "-0 -2")
	if tab.Lend(0, r, b, always) {
		t.Error("it is lent beside who hears of reads")
	}
	b.wantTold(t, "")
	for fd, want := range map[int]int{0: 1, 1: 0, 2: 1, 9: 0, -1: 0} {
		told = 0
		if tab.HasRead(fd); told != want {
			t.Errorf("a read from %d: told %d times", fd, told)
		}
	}
	w.File.Unwatch(hears)
	if !tab.Lend(0, r, b, always) || !tab.Lend(2, r, b, always) {
		t.Error("it is not lent again")
	}
	tab.CloseFD(0)
	b.told = nil
	w.File.(ReadTeller).TellReads()
	b.wantTold(t, "-2")
	w.File.(ReadTeller).TellReads()
	b.wantTold(t, "")
}

// SIGIO is sent for each read, too.
func TestReadsAreToldBySIGIO(t *testing.T) {
	b := &borrower{}
	m := NewMachine(MachineConfig{Sigio: func(int, int32) {}})
	tab, r, w := lentPipe(t, m, b)
	defer tab.Close()
	r.SetAsync(m, true)
	b.wantTold(t, "") // of writes the host tells
	r.SetAsync(m, false)
	w.SetAsync(m, true)
	b.wantTold(t, "-0 -2")
	if tab.Lend(0, r, b, always) {
		t.Error("it is lent beside SIGIO")
	}
	w.SetAsync(m, false)
	if !tab.Lend(0, r, b, always) {
		t.Error("it is not lent again")
	}
}

// blocked is a BlockHearer.
type blocked struct{ n int }

func (c *blocked) Blocks() { c.n++ }

// Of O_NONBLOCK that is cleared others hear, by F_SETFL and by FIONBIO, and of nothing else.
func TestHearBlocking(t *testing.T) {
	_, w := NewPipe(netbsd.O_NONBLOCK)
	var one, two blocked
	w.HearBlocking(&one)
	w.HearBlocking(&two)
	for _, c := range []struct {
		do   func()
		want int
	}{
		{func() { w.SetFlags(netbsd.O_NONBLOCK | netbsd.O_APPEND) }, 0},
		{func() { w.SetFlags(netbsd.O_NONBLOCK) }, 0},
		{func() { w.SetNonblock(true) }, 0},
		{func() { w.SetFlags(0) }, 1},
		{func() { w.SetFlags(netbsd.O_APPEND) }, 1},
		{func() { w.SetNonblock(true) }, 1},
		{func() { w.SetNonblock(false) }, 2},
	} {
		if c.do(); one.n != c.want || two.n != c.want {
			t.Errorf("told %d and %d times, want %d", one.n, two.n, c.want)
		}
	}
	w.UnhearBlocking(&one)
	w.SetNonblock(true)
	if w.SetNonblock(false); one.n != 2 || two.n != 3 {
		t.Errorf("told %d and %d times", one.n, two.n)
	}
}
