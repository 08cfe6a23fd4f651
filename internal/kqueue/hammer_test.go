package kqueue

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"toaster/internal/file"
	"toaster/netbsd"
)

// Several LWPs add, delete, close, write and wait at once; nothing may be lost,
// left behind or wait for itself.
func TestHammer(t *testing.T) {
	before := file.LiveDescriptions()
	tab := file.NewTable()
	q := New()
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(i), 1))
			c := Caller{L: make(waiter, 1), Files: tab}
			out := make([]netbsd.Kevent, 4)
			for range 3000 {
				switch fd := rnd.IntN(8); rnd.IntN(7) {
				case 0:
					r, w := file.NewPipe(0)
					for _, d := range []*file.Description{r, w} {
						if _, errno := tab.Install(d, 0, 8, 0); errno != 0 {
							d.Release()
						}
					}
				case 1:
					tab.CloseFD(fd)
				case 2, 3:
					flags := []uint32{0, netbsd.EV_CLEAR, netbsd.EV_ONESHOT, netbsd.EV_DISPATCH, netbsd.EV_DISABLE}[rnd.IntN(5)]
					q.Change(c, netbsd.Kevent{Ident: uint64(fd), Filter: uint32(rnd.IntN(2)), Flags: netbsd.EV_ADD | flags})
				case 4:
					flags := []uint32{netbsd.EV_DELETE, netbsd.EV_ENABLE, netbsd.EV_DISABLE}[rnd.IntN(3)]
					q.Change(c, netbsd.Kevent{Ident: uint64(fd), Filter: uint32(rnd.IntN(2)), Flags: flags})
				case 5:
					if d, errno := tab.Get(fd); errno == 0 {
						d.SetNonblock(true)
						d.Write(c.L, make([]byte, 10000))
						d.Read(c.L, make([]byte, 10000))
						d.Release()
					}
				case 6:
					q.Wait(c.L, out, time.Time{}, true)
				}
			}
		})
	}
	wg.Wait()
	q.mu.Lock()
	for k, kn := range q.knotes {
		if _, errno := tab.FDFlags(int(k.ident)); errno != 0 {
			t.Errorf("%+v: a knote of a closed descriptor", k)
		}
		if kn.queued && !kn.active {
			t.Errorf("%+v: ready, and not active", k)
		}
	}
	q.mu.Unlock()
	q.Close()
	tab.Close()
	if n := file.LiveDescriptions() - before; n != 0 {
		t.Errorf("%d descriptions leaked", n)
	}
}
