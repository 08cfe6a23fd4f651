package platform

import (
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"toaster/netbsd"
)

// What guests have for numbers; stub.CallMmap and its like are the stub's names for some.
const (
	sigBlock    = netbsd.SIG_BLOCK
	sigUnblock  = netbsd.SIG_UNBLOCK
	sigSetmask  = netbsd.SIG_SETMASK
	saResetHand = netbsd.SA_RESETHAND
	ssDisable   = netbsd.SS_DISABLE
	minSigstksz = netbsd.MINSIGSTKSZ
	mapPlain    = netbsd.MAP_PRIVATE | netbsd.MAP_ANON
	mapFixed    = netbsd.MAP_FIXED
	mapProt     = netbsd.PROT_READ | netbsd.PROT_WRITE
	mapHighest  = GuestEnd - 0x1000 // no mapping of the stub's begins above, nor ends
)

const (
	codeAt  = 0x400000
	dataAt  = 0x500000
	stackAt = 0x600000
)

func newPlatform(t testing.TB, opts Options) *Platform {
	t.Helper()
	p, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// newGuest returns a process with code, data and a stack, about to run code.
func newGuest(t testing.TB, p *Platform, code ...byte) (*Process, *Thread) {
	t.Helper()
	q, th, err := p.NewProcess()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(q.Release)
	const rwx = unix.PROT_READ | unix.PROT_WRITE | unix.PROT_EXEC
	for _, addr := range []uint64{codeAt, dataAt, stackAt} {
		if err := q.Map(th, addr, 0x10000, rwx, unix.MAP_PRIVATE, -1, 0); err != nil {
			t.Fatal(err)
		}
	}
	if n, ok := q.Write(codeAt, code); !ok {
		t.Fatalf("Write: %d of %d bytes", n, len(code))
	}
	th.Regs().RIP = codeAt
	th.Regs().RSP = stackAt + 0x8000
	return q, th
}

func wantKind(t testing.TB, trap Trap, kind Kind) {
	t.Helper()
	if trap.Kind != kind {
		t.Fatalf("trap %+v, want %v", trap, kind)
	}
}

func readFile(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func itoa(n int) string { return strconv.Itoa(n) }
