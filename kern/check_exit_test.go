package kern

import (
	"sync/atomic"
	"testing"
	"time"

	"toaster/netbsd"
)

// looker is every hook that exit1 calls with the lock dropped; each has the kernel checked.
type looker struct{ look func() }

func (h looker) Fork(_, _ *LWP, _ bool) (AddressSpace, netbsd.Errno) { return h, 0 }
func (h looker) Exit(*Proc, *LWP)                                    { h.look() }
func (h looker) Hold()                                               {}
func (h looker) Release()                                            { h.look() }
func (h looker) Notify(NoteEvent)                                    { h.look() }
func (h looker) Close()                                              { h.look() }
func (h looker) Exec()                                               {}

type lookerFiles struct{ looker }

func (h lookerFiles) Fork(bool) Files { return h }

// Check may be called at any time: in every hook of an exit, too, whose process has children
// that it sets apart from others (fixjobc), and is dead before NOTE_EXIT goes out. The LWP that exits need not be
// the one that has the process's id.
func TestCheckInEveryHookOfExit(t *testing.T) {
	for name, end := range map[string]func(*LWP){
		"first": exit(0),
		"second": func(l *LWP) {
			l.NewLWP(0, exit(0), false, nil)
			sleepForever(l)
		},
	} {
		t.Run(name, func(t *testing.T) { checkInEveryHookOfExit(t, end) })
	}
}

func checkInEveryHookOfExit(t *testing.T, end func(*LWP)) {
	both(t, func(w *world) {
		var looks atomic.Int32 // the children have the same hooks of ktrace, and end by themselves
		h := looker{func() {
			looks.Add(1)
			check(t, w.m)
			time.Sleep(3 * time.Second)
			check(t, w.m)
		}}
		w.m.SetAcct(func(AcctRecord) error { h.look(); return nil })
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", func(l *LWP) {
				p := l.Proc()
				p.m.lock()
				p.vm, p.files = h, lookerFiles{h}
				p.m.unlock()
				p.setKtrace(h)
				p.setSystrace(h)
				p.AttachKnote(h)
				p.OnExit(func(*Proc) { h.look() })
				child, _ := l.Fork(ForkArgs{Body: sleepForever})
				l.Setpgid(child.Pid(), 0)
				l.Fork(ForkArgs{Body: func(l *LWP) { // comes back to its count meanwhile
					for {
						l.Setpgid(0, 0)
						l.Setpgid(0, l.Proc().Parent().Pgid())
						l.Nanosleep(time.Second)
					}
				}})
				l.Nanosleep(10 * time.Second)
				end(l)
			})
			l.Setpgid(c.Pid(), 0)
			l.Wait4(c.Pid(), 0, nil)
			l.Nanosleep(5 * time.Second)
			check(t, w.m)
		})
		if n := looks.Load(); n < 7 {
			t.Errorf("%d looks", n)
		}
	})
}
