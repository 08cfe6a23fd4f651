package platform

import (
	"encoding/binary"
	"testing"

	"golang.org/x/sys/unix"
)

// addLoop adds 1 to the word at dataAt, again and again, in one step each.
var addLoop = []byte{0xf0, 0x48, 0xff, 0x04, 0x25, 0, 0, 0x50, 0, 0xeb, 0xf5} // 1: lock incq dataAt; jmp 1b

// word returns the word at dataAt.
func word(t *testing.T, q *Process) uint64 {
	t.Helper()
	var b [8]byte
	if _, ok := q.Read(dataAt, b[:]); !ok {
		t.Fatal("Read failed")
	}
	return binary.LittleEndian.Uint64(b[:])
}

// inLoop returns a process, a thread of it that nobody runs, and what ends others that run the loop meanwhile.
func inLoop(t *testing.T, p *Platform) (q *Process, idle *Thread, end func()) {
	t.Helper()
	q, idle = newGuest(t, p, addLoop...)
	others := make(chan struct{}, 3)
	for range cap(others) {
		th, err := idle.NewThread()
		if err != nil {
			t.Fatal(err)
		}
		th.Regs().RIP, th.Regs().RSP = codeAt, stackAt+0x4000
		go func() {
			for th.Run().Kind != Gone {
			}
			others <- struct{}{}
		}()
	}
	return q, idle, func() {
		q.Kill()
		for range cap(others) {
			<-others
		}
	}
}

// While a process is frozen its threads execute nothing, and no kick has them do so. Afterwards they go on, and nothing is lost of what they
// were about.
func TestFreezeStopsGuests(t *testing.T) {
	p := newPlatform(t, Options{})
	q, idle, end := inLoop(t, p)
	defer end()
	for range 100 {
		within(t, "Freeze", func() {
			thaw := idle.Freeze(dataAt, PageSize)
			before := word(t, q)
			q.RecallFiles() // which kicks them all
			const aside = dataAt + 0x100000
			if err := q.Map(idle, aside, PageSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED, -1, 0); err != nil {
				t.Fatal(err)
			}
			if _, ok := q.Write(aside, binary.LittleEndian.AppendUint64(nil, before)); !ok {
				t.Fatal("Write beside what is frozen failed")
			}
			if err := q.Remap(idle, aside, PageSize, dataAt, PageSize); err != nil {
				t.Fatal(err)
			}
			if got := word(t, q); got != before {
				t.Fatalf("%d while it was frozen, %d before", got, before)
			}
			thaw()
			for word(t, q) == before {
			}
		})
	}
}

// A process that is killed is frozen at once, and what waits for its thaw ends.
func TestFreezeOfADeadProcess(t *testing.T) {
	p := newPlatform(t, Options{})
	q, idle, end := inLoop(t, p)
	within(t, "Freeze", func() {
		for word(t, q) == 0 {
		}
		thaw := idle.Freeze(dataAt, PageSize)
		q.Kill()
		thaw()
		end()
		idle.Freeze(dataAt, PageSize)()
	})
}

// What is written while the memory is frozen, or was at the beginning or the end, is written once more behind that; what is written elsewhere is not.
func TestUnfrozen(t *testing.T) {
	const start, size = dataAt, 2 * PageSize
	for _, c := range []struct {
		name  string
		addr  uint64
		size  int
		begin int // of the freeze: 0 before the write, 1 in it
		end   int // 1 in the write, 2 while unfrozen waits, or is about to, 3 behind it
		want  int // how often it is written
	}{
		{"begun before", start, 8, 0, 1, 2},
		{"met as a whole", start, 8, 1, 1, 2},
		{"goes on", start + size - 8, 8, 1, 2, 2},
		{"beside, below", start - 8, 8, 1, 3, 1},
		{"beside, above", start + size, 8, 0, 3, 1},
		{"reaches into it", start - 4, 8, 1, 2, 2},
		{"ends in it", start + size - 4, 8, 1, 2, 2},
		{"none", start, 8, -1, -1, 1},
		{"beside one that is over", start + size, 8, 1, 1, 2}, // by now nobody knows where it was
	} {
		t.Run(c.name, func(t *testing.T) {
			var z freezing
			f := &freeze{start, start + size, make(chan struct{}, 1), make(chan struct{})}
			step := func(now int) {
				if c.begin == now {
					z.set(f)
				}
				if c.end == now {
					z.set(nil)
					close(f.thawed)
				}
			}
			step(0)
			n, behind := 0, make(chan struct{})
			within(t, "unfrozen", func() {
				z.unfrozen(c.addr, c.size, func() {
					if n++; n > 1 {
						return
					}
					step(1)
					if c.end == 2 {
						go func() { defer close(behind); step(2) }()
					}
				})
			})
			if c.end == 2 {
				<-behind
			}
			step(3)
			if n != c.want {
				t.Errorf("written %d times, want %d", n, c.want)
			}
		})
	}
}
