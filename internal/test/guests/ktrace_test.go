package guests

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"toaster"
	"toaster/netbsd"
)

// What ktrace(2) leaves is there when the traced process has ended, in kdump(1)'s format, with a
// record of each kind that was asked for (kern_ktrace.c): calls that toaster answers inside the
// guest are among them.
func TestKtraceFile(t *testing.T) {
	dir := t.TempDir()
	runIn(t, dir, "sub_ktrace")
	b, err := os.ReadFile(filepath.Join(dir, "trace"))
	if err != nil {
		t.Fatal(err)
	}
	le := binary.LittleEndian
	kinds, calls, data := map[int]int{}, map[uint32]int{}, map[string]bool{}
	ends, order := map[uint32]string{}, []uint32(nil) // the last record of each process, by its id, in the order of their first ones
	for len(b) >= 56 {
		n, typ := int(le.Uint32(b)), int(le.Uint16(b[4:]))
		if le.Uint16(b[6:]) != 2 || len(b) < 56+n {
			t.Fatalf("a record is %x", b[:56])
		}
		body := b[56 : 56+n]
		kinds[typ]++
		if pid := le.Uint32(b[8:]); typ != netbsd.KTR_CSW { // who sleeps at the end has nothing to do with how it ends
			if ends[pid] == "" {
				order = append(order, pid)
			}
			ends[pid] = fmt.Sprintf("%d %x", typ, body[:min(n, 4)])
		}
		switch typ {
		case netbsd.KTR_SYSCALL:
			calls[le.Uint32(body)]++
		case netbsd.KTR_NAMEI:
			data[string(body)] = true
		case netbsd.KTR_GENIO, netbsd.KTR_USER:
			data[string(body[max(0, n-5):])] = true
		}
		b = b[56+n:]
	}
	for typ := netbsd.KTR_SYSCALL; typ <= netbsd.KTR_USER; typ++ {
		if kinds[typ] == 0 {
			t.Errorf("no record of type %d: %v", typ, kinds)
		}
	}
	if calls[netbsd.SYS_getpid] < 2 || calls[netbsd.SYS_fork] != 1 {
		t.Errorf("calls: %v", calls)
	}
	// kdump(1) shows a life to its end (item 29): a call that does not return, or the signal that was acted upon.
	exit, term := fmt.Sprintf("%d 01000000", netbsd.KTR_SYSCALL), fmt.Sprintf("%d 0f000000", netbsd.KTR_PSIG)
	if len(order) != 2 || ends[order[0]] != exit || ends[order[1]] != term {
		t.Errorf("processes %v end with %v, want %q and %q", order, ends, exit, term)
	}
	for _, want := range []string{"missing", "moved", "\x00data"} {
		if !data[want] {
			t.Errorf("%q is not there: %v", want, data)
		}
	}
}

// ktraced returns the records of calls in the file "trace" of the guest mode, with their numbers, as KTR_SYSCALL and KTR_SYSRET have them.
func ktraced(t *testing.T, opts toaster.Options, mode string) (calls []string) {
	t.Helper()
	m, err := toaster.New(context.Background(), opts)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	dir := t.TempDir()
	c := m.Command(guestPath, mode)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("%v: %s", err, out)
	}
	b, err := os.ReadFile(filepath.Join(dir, "trace"))
	if err != nil {
		t.Fatal(err)
	}
	le := binary.LittleEndian
	for len(b) >= 56 {
		n, typ, body := int(le.Uint32(b)), int(le.Uint16(b[4:])), b[56:]
		switch typ {
		case netbsd.KTR_SYSCALL:
			calls = append(calls, "call "+netbsd.SyscallName(int(le.Uint32(body))))
		case netbsd.KTR_SYSRET:
			calls = append(calls, "ret "+netbsd.SyscallName(int(le.Uint16(body))))
		}
		b = body[n:]
	}
	return calls
}

// ktrace(2) of a process that sleeps in a kqueue that is lent has all calls that follow, as of one that is not lent. The one that it sleeps in
// began before, if it was quick.
func TestKtraceOfALentKqueue(t *testing.T) {
	follow := func(calls []string) []string {
		return calls[max(slices.Index(calls, "call read"), 0):]
	}
	kept := follow(ktraced(t, toaster.Options{NoLend: true}, "sub_lend_ktrace"))
	if len(kept) < 20 {
		t.Fatalf("not lent: %v", kept)
	}
	for range 5 {
		if lent := follow(ktraced(t, toaster.Options{}, "sub_lend_ktrace")); !slices.Equal(lent, kept) {
			t.Errorf("lent:     %v\nnot lent: %v", lent, kept)
		}
	}
}
