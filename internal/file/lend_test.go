package file

import (
	"fmt"
	"strings"
	"testing"

	"toaster/netbsd"
)

// lendable is a file that may be lent.
type lendable struct {
	Base
	gone, flags bool
}

func (*lendable) MayLend() bool          { return true }
func (*lendable) MayWait() bool          { return false }
func (*lendable) LendFD(int) (int, bool) { return 77, true }
func (p *lendable) Gone() bool           { return p.gone }
func (p *lendable) FlagsChanged() bool   { return p.flags }

// borrower notes what it is told.
type borrower struct{ told []string }

func (b *borrower) PublishFile(fd int, rights uint32) { b.tell("%d=%d", fd, rights) }
func (b *borrower) PublishEvent(fd int, filter, flags uint32, udata uint64) {
	b.tell("%d/%d=%#x,%d", fd, filter, flags, udata)
}
func (b *borrower) UnlendFile(fd int) { b.tell("-%d", fd) }
func (b *borrower) RecallFiles()      { b.tell("recall") }

func (b *borrower) tell(format string, args ...any) {
	b.told = append(b.told, fmt.Sprintf(format, args...))
}

// wantTold compares what was told since, and forgets it.
func (b *borrower) wantTold(t *testing.T, want string) {
	t.Helper()
	if got := strings.Join(b.told, " "); got != want {
		t.Errorf("told %q, want %q", got, want)
	}
	b.told = nil
}

func always() bool { return true }

// lendTable has descriptors 0, to read, 1, to write, and 2, for both, lent to b.
func lendTable(t *testing.T, b *borrower) *Table {
	t.Helper()
	tab := NewTable()
	for fd, mode := range []int{netbsd.O_RDONLY, netbsd.O_WRONLY, netbsd.O_RDWR} {
		d := New(&lendable{}, mode)
		var flags FDFlags
		if fd == 2 {
			flags = CloseOnExec
		}
		if n, errno := tab.Install(d, 0, noLimit, flags); n != fd || errno != 0 {
			t.Fatal(n, errno)
		}
		if !tab.Means(fd, d) || !tab.Lend(fd, d, b, always) {
			t.Fatalf("descriptor %d is not lent", fd)
		}
	}
	b.wantTold(t, "0=1 1=2 2=3")
	return tab
}

// What is lent is taken back by whatever ends a descriptor, or gives it another meaning, or another
// process (SECURITY.md, invariant 13).
func TestLentDescriptorsAreTakenBack(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(*Table)
		told string
	}{
		"close":               {func(t *Table) { t.CloseFD(1) }, "-1"},
		"F_CLOSEM":            {func(t *Table) { t.CloseFrom(1) }, "-2 -1"},
		"dup2 over":           {func(t *Table) { t.Dup2(0, 1, noLimit, 0) }, "-1"},
		"dup2 over itself":    {func(t *Table) { t.Dup2(1, 1, noLimit, 0) }, ""},
		"dup2 of":             {func(t *Table) { t.Dup2(1, 5, noLimit, 0) }, ""},
		"exec, close-on-exec": {func(t *Table) { t.Exec() }, "-2"},
		"exit":                {func(t *Table) { t.Close() }, "-0 -1 -2"},
		"fork":                {func(t *Table) { t.Fork(false).Close() }, ""},
		"CLONE_FILES":         {func(t *Table) { t.Fork(true); t.Close() }, "-0 -1 -2"},
		"all":                 {func(t *Table) { t.Unlend() }, "-0 -1 -2"},
		"what can be written": {func(t *Table) { t.Recall(true) }, "-1 -2 recall"},
		"nothing is gone":     {func(t *Table) { t.Recall(false) }, "recall"},
		"revoke": {func(t *Table) {
			t.slots[2].d.File.(*lendable).gone = true
			t.Recall(false)
		}, "-2 recall"},
	} {
		b := &borrower{}
		tab := lendTable(t, b)
		c.do(tab)
		if got := strings.Join(b.told, " "); got != c.told {
			t.Errorf("%s: told %q, want %q", name, got, c.told)
		}
		if tab.refs > 0 {
			tab.Close()
		}
	}
}

// What must not be lent, or not any more by the time that it could be, is not.
func TestNotLent(t *testing.T) {
	b := &borrower{}
	tab := lendTable(t, b)
	defer tab.Close()
	d, _ := tab.Get(0)
	defer d.Release()
	if tab.Lend(1, d, b, always) || tab.Lend(7, d, b, always) || tab.Means(1, d) || tab.Means(7, d) {
		t.Error("it is another descriptor's")
	}
	if tab.Lend(0, d, b, func() bool { return false }) {
		t.Error("it may not")
	}
	for fd, flagged := range []bool{false, true, true} {
		d, _ := tab.Get(fd)
		d.File.(*lendable).flags = true
		if tab.Lend(fd, d, b, always) == flagged {
			t.Errorf("descriptor %d, whose file may have become append-only", fd)
		}
		d.Release()
	}
	b.wantTold(t, "0=1")
	shared := tab.Fork(true)
	b.wantTold(t, "-0 -1 -2")
	if tab.Means(0, d) || tab.Lend(0, d, b, always) {
		t.Error("the table is two processes'")
	}
	shared.Close()
	d.File.(*lendable).gone = true
	if tab.Lend(0, d, b, always) {
		t.Error("the file is gone")
	}
	d.File.(*lendable).gone = false
	if !tab.Lend(0, d, b, always) {
		t.Error("the table is one process's again")
	}
	next := &borrower{}
	if !tab.Lend(0, d, next, always) {
		t.Error("after an exec")
	}
	b.wantTold(t, "0=1 -0")
	next.wantTold(t, "0=1")
	if _, ok := New(&counted{}, netbsd.O_RDONLY).HostToLend(nil); ok {
		t.Error("a file of another kind")
	}
	m := New(&lendable{}, netbsd.O_WRONLY)
	m.SetMeter(NewMeter(1, func() {}))
	if _, ok := m.HostToLend(nil); ok {
		t.Error("writes are counted")
	}
}

// A file is lent when it has been used some times, or for much.
func TestUsed(t *testing.T) {
	d := New(&lendable{}, netbsd.O_RDWR)
	for i := range 3 * lendAfter {
		if d.Used(1) != ((i+1)%lendAfter == 0) {
			t.Errorf("use %d", i)
		}
	}
	if !d.Used(1 << 40) {
		t.Error("a long one")
	}
	if d := New(&counted{}, netbsd.O_RDWR); d.Used(1 << 40) {
		t.Error("a file of another kind")
	}
}
