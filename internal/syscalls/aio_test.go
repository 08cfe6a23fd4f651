package syscalls

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"toaster/kern"
	"toaster/netbsd"
)

// Tests of asynchronous I/O, by kern/sys_aio.c.

// aiocb is struct aiocb in the memory of p, as a program fills it in.
func (p *player) aiocb(cb netbsd.Aiocb) uint64 {
	b := make([]byte, netbsd.SizeofAiocb)
	cb.Encode(b)
	return p.mem.put(b)
}

// aioEnds waits for a job, and wants an errno and a result.
func (p *player) aioEnds(cb uint64, errno netbsd.Errno, ret int64) {
	p.t.Helper()
	p.ok(netbsd.SYS___aio_suspend50, longs(0, cb), 2, 0)
	if e := p.ok(netbsd.SYS_aio_error, cb); e != uint64(errno) {
		p.t.Errorf("aio_error is %d, want %d", e, errno)
	}
	if v := int64(p.ok(netbsd.SYS_aio_return, cb)); v != ret {
		p.t.Errorf("aio_return is %d, want %d", v, ret)
	}
}

func TestAio(t *testing.T) {
	r := newRig(t)
	r.asHost = true
	if err := os.WriteFile(filepath.Join(r.dir, "f"), []byte("0123456789"), 0o666); err != nil {
		t.Fatal(err)
	}
	r.run(func(p *player) {
		some := p.aiocb(netbsd.Aiocb{Buf: p.arg(room(8)), Nbytes: 1})
		p.play([]row{
			{"EINVAL: no jobs", netbsd.SYS_aio_error, args{some}, netbsd.EINVAL, nil, nil},
			{"EINVAL: no jobs", netbsd.SYS_aio_return, args{some}, netbsd.EINVAL, nil, nil},
			{"open(2)", netbsd.SYS_open, args{"/f", netbsd.O_RDWR, 0}, 0, 0, nil},
			{"AIO_NOTCANCELED without jobs", netbsd.SYS_aio_cancel, args{0, 0}, 0, netbsd.AIO_NOTCANCELED, nil},
			{"EFAULT", netbsd.SYS_aio_read, args{bad}, netbsd.EFAULT, nil, nil},
			{"EINVAL: no buffer", netbsd.SYS_aio_read, args{p.aiocb(netbsd.Aiocb{Nbytes: 1})}, netbsd.EINVAL, nil, nil},
			{"EINVAL: a negative size", netbsd.SYS_aio_write, args{p.aiocb(netbsd.Aiocb{Buf: 8, Nbytes: 1 << 63})}, netbsd.EINVAL, nil, nil},
			{"EINVAL: no signal", netbsd.SYS_aio_read, args{p.aiocb(netbsd.Aiocb{Buf: 8, Nbytes: 1, Event: netbsd.Sigevent{Signo: 99}})}, netbsd.EINVAL, nil, nil},
			{"EINVAL: another op", netbsd.SYS_aio_fsync, args{0, some}, netbsd.EINVAL, nil, nil},
			{"aio_enqueue_job: what is no job makes no queue", netbsd.SYS_aio_cancel, args{0, 0}, 0, netbsd.AIO_NOTCANCELED, nil},
			{"lio_listio(2) does: nothing to do", netbsd.SYS_lio_listio, args{netbsd.LIO_WAIT, longs(p.aiocb(netbsd.Aiocb{Buf: 8, Opcode: netbsd.LIO_NOP})), 1, 0}, 0, 0, nil},
			{"EINVAL: JOB_NONE", netbsd.SYS_aio_error, args{some}, netbsd.EINVAL, nil, nil},
			{"EFAULT", netbsd.SYS_aio_error, args{bad}, netbsd.EFAULT, nil, nil},
			{"EBADF", netbsd.SYS_aio_cancel, args{9, 0}, netbsd.EBADF, nil, nil},
			{"AIO_ALLDONE", netbsd.SYS_aio_cancel, args{0, 0}, 0, netbsd.AIO_ALLDONE, nil},
			{"EAGAIN: no entries", netbsd.SYS___aio_suspend50, args{longs(0), 0, 0}, netbsd.EAGAIN, nil, nil},
			{"EFAULT", netbsd.SYS___aio_suspend50, args{bad, 1, 0}, netbsd.EFAULT, nil, nil},
			{"EFAULT: the time", netbsd.SYS___aio_suspend50, args{longs(some), 1, bad}, netbsd.EFAULT, nil, nil},
			{"EFAULT: the list, before the time is none", netbsd.SYS___aio_suspend50, args{bad, 1, longs(0, 0)}, netbsd.EFAULT, nil, nil},
			{"EAGAIN: no time", netbsd.SYS___aio_suspend50, args{longs(some), 1, longs(0, 0)}, netbsd.EAGAIN, nil, nil},
			{"EINVAL: mode", netbsd.SYS_lio_listio, args{7, longs(some), 1, 0}, netbsd.EINVAL, nil, nil},
			{"EINVAL: no entries", netbsd.SYS_lio_listio, args{netbsd.LIO_WAIT, longs(some), 0, 0}, netbsd.EINVAL, nil, nil},
			{"EFAULT: the list", netbsd.SYS_lio_listio, args{netbsd.LIO_WAIT, bad, 1, 0}, netbsd.EFAULT, nil, nil},
			{"EIO: no such operation", netbsd.SYS_lio_listio, args{netbsd.LIO_WAIT, longs(p.aiocb(netbsd.Aiocb{Buf: 8, Nbytes: 1, Opcode: 9})), 1, 0}, netbsd.EIO, nil, nil},
		})
		// aio_process: FOF_UPDATE_OFFSET is of aio_offset, and aio_nbytes is what has been moved, if it came to that.
		left := func(when string, addr uint64, n uint64, off int64) {
			t.Helper()
			cb := netbsd.DecodeAiocb((&result{p: p, args: [8]uint64{addr}}).mem(0, netbsd.SizeofAiocb))
			if cb.Nbytes != n || cb.Offset != off {
				t.Errorf("%s: %d bytes, and the offset %d; want %d and %d", when, cb.Nbytes, cb.Offset, n, off)
			}
		}
		buf := p.arg(room(8))
		cb := p.aiocb(netbsd.Aiocb{Buf: buf, Nbytes: 4, Offset: 3})
		p.ok(netbsd.SYS_aio_read, cb)
		p.aioEnds(cb, 0, 4)
		left("read", cb, 4, 7)
		if b := (&result{p: p, args: [8]uint64{buf}}).mem(0, 5); string(b) != "3456\xa5" {
			t.Errorf("read %q", b)
		}
		p.play([]row{{"EINVAL: asked already", netbsd.SYS_aio_return, args{cb}, netbsd.EINVAL, nil, nil}})
		cb = p.aiocb(netbsd.Aiocb{Buf: p.arg("ABC"), Nbytes: 3, Offset: 8})
		p.ok(netbsd.SYS_aio_write, cb)
		p.aioEnds(cb, 0, 3)
		p.ok(netbsd.SYS_aio_fsync, netbsd.O_SYNC, cb)
		p.aioEnds(cb, 0, 0)
		cb = p.aiocb(netbsd.Aiocb{Buf: buf, Nbytes: 4, Fildes: 9})
		p.ok(netbsd.SYS_aio_read, cb)
		p.aioEnds(cb, netbsd.EBADF, -1)
		left("EBADF", cb, 4, 0)
		cb = p.aiocb(netbsd.Aiocb{Buf: bad, Nbytes: 4})
		p.ok(netbsd.SYS_aio_read, cb)
		p.aioEnds(cb, netbsd.EFAULT, -1)
		one := p.aiocb(netbsd.Aiocb{Buf: p.arg("x"), Nbytes: 1, Offset: 11, Opcode: netbsd.LIO_WRITE})
		two := p.aiocb(netbsd.Aiocb{Buf: buf, Nbytes: 1, Opcode: netbsd.LIO_READ})
		nop := p.aiocb(netbsd.Aiocb{Buf: buf, Nbytes: 1, Opcode: netbsd.LIO_NOP})
		p.ok(netbsd.SYS_lio_listio, netbsd.LIO_WAIT, longs(one, nop, two), 3, 0)
		p.aioEnds(one, 0, 1)
		p.aioEnds(two, 0, 1)
	})
	if b, _ := os.ReadFile(filepath.Join(r.dir, "f")); string(b) != "01234567ABCx" {
		t.Errorf("the file is %q", b)
	}
}

// ufs_write asks for the limits of the worker, which is an LWP of the process (aio_worker): nothing is written beyond RLIMIT_FSIZE, and
// SIGXFSZ tells of it.
func TestAioFileSizeLimit(t *testing.T) {
	r := newRig(t)
	r.asHost = true
	r.run(func(p *player) {
		set := make([]byte, netbsd.SizeofSigset)
		netbsd.PutSigset(set, netbsd.SIGXFSZ.Bit())
		p.ok(netbsd.SYS___sigprocmask14, netbsd.SIG_BLOCK, set, 0)
		p.ok(netbsd.SYS_open, "/f", netbsd.O_RDWR|netbsd.O_CREAT, 0o666)
		p.ok(netbsd.SYS_setrlimit, netbsd.RLIMIT_FSIZE, longs(10, 100))
		within := p.aiocb(netbsd.Aiocb{Buf: p.arg("abc"), Nbytes: 3, Offset: 7})
		p.ok(netbsd.SYS_aio_write, within)
		p.aioEnds(within, 0, 3)
		beyond := p.aiocb(netbsd.Aiocb{Buf: p.arg("abc"), Nbytes: 3, Offset: 8})
		p.ok(netbsd.SYS_aio_write, beyond)
		p.aioEnds(beyond, netbsd.EFBIG, -1)
		p.play([]row{{"SIGXFSZ", netbsd.SYS_____sigtimedwait50, args{set, 0, longs(0, 0)}, 0, int(netbsd.SIGXFSZ), nil}})
	})
	if st, err := os.Stat(filepath.Join(r.dir, "f")); err != nil || st.Size() != 10 {
		t.Errorf("%+v, %v", st, err)
	}
}

// A job's end is told by SI_ASYNCIO, that of a list after its last one; what waits in the queue
// can be cancelled, what is under way cannot, and a kill, an exit and an exec end it.
func TestAioSignalsAndCancel(t *testing.T) {
	newRig(t).run(func(p *player) {
		p.ok(netbsd.SYS_pipe) // 0 and 1
		set := make([]byte, netbsd.SizeofSigset)
		netbsd.PutSigset(set, netbsd.SIGUSR1.Bit())
		p.ok(netbsd.SYS___sigprocmask14, netbsd.SIG_BLOCK, set, 0)
		ev := netbsd.Sigevent{Notify: netbsd.SIGEV_SIGNAL, Signo: int32(netbsd.SIGUSR1), Value: 5}
		read := func() uint64 { return p.aiocb(netbsd.Aiocb{Buf: p.arg(room(8)), Nbytes: 8, Event: ev}) }
		told := func() {
			p.play([]row{{"SI_ASYNCIO", netbsd.SYS_____sigtimedwait50, args{set, room(128), 0}, 0, func(r *result) string {
				if b := r.mem(1, 128); int32(le.Uint32(b[4:])) != netbsd.SI_ASYNCIO || le.Uint64(b[24:]) != 5 {
					return fmt.Sprintf("siginfo is %x", b)
				}
				return ""
			}, nil}})
		}
		first, second := read(), read()
		p.ok(netbsd.SYS_aio_read, first)
		until(func() bool { // the worker has it
			return p.do(netbsd.SYS_aio_cancel, 0, second).ret[0] == netbsd.AIO_NOTCANCELED
		})
		p.ok(netbsd.SYS_aio_read, second)
		p.play([]row{
			{"EINVAL: twice", netbsd.SYS_aio_read, args{second}, netbsd.EINVAL, nil, nil},
			{"EINPROGRESS", netbsd.SYS_aio_error, args{first}, 0, int(netbsd.EINPROGRESS), nil},
			{"EINVAL: not done", netbsd.SYS_aio_return, args{first}, netbsd.EINVAL, nil, nil},
			{"EAGAIN: the time", netbsd.SYS___aio_suspend50, args{longs(first, second), 2, longs(0, 1e6)}, netbsd.EAGAIN, nil, nil},
			{"EAGAIN: struct timespec50", netbsd.SYS_compat_50_aio_suspend, args{longs(first), 1, longs(0, 1e6)}, netbsd.EAGAIN, nil, nil},
			{"EBADF: another descriptor", netbsd.SYS_aio_cancel, args{1, second}, netbsd.EBADF, nil, nil},
			{"AIO_NOTCANCELED: the one under way", netbsd.SYS_aio_cancel, args{0, second}, 0, netbsd.AIO_NOTCANCELED, nil},
			{"ECANCELED", netbsd.SYS_aio_error, args{second}, 0, int(netbsd.ECANCELED), nil},
		})
		told()
		p.ok(netbsd.SYS_write, 1, "hello", 5)
		p.aioEnds(first, 0, 5)
		told()
		list := make([]byte, netbsd.SizeofSigevent)
		ev.Encode(list)
		quiet := p.aiocb(netbsd.Aiocb{Buf: p.arg("y"), Nbytes: 1, Fildes: 1, Opcode: netbsd.LIO_WRITE})
		p.ok(netbsd.SYS_lio_listio, netbsd.LIO_NOWAIT, longs(quiet), 1, list)
		told()
		p.ok(netbsd.SYS_read, 0, room(8), 8)
		p.play([]row{
			{"sys_lio_listio: EFAULT for the list", netbsd.SYS_lio_listio, args{netbsd.LIO_NOWAIT, bad, 1, list}, netbsd.EFAULT, nil, nil},
		})
		told() // as its last job is done
		sync := p.aiocb(netbsd.Aiocb{})
		p.ok(netbsd.SYS_aio_fsync, netbsd.O_SYNC, sync)
		p.aioEnds(sync, netbsd.EINVAL, -1) // fd_getvnode, before EBADF
		for _, end := range []func(c *player){
			func(c *player) { c.ok(netbsd.SYS_kill, self(c), netbsd.SIGKILL) },
			func(c *player) { c.do(netbsd.SYS_exit, 0) },
			func(c *player) { c.do(netbsd.SYS_execve, "/x", strv{"x"}, strv{}) },
		} {
			p.play([]row{
				{"fork(2)", netbsd.SYS_fork, nil, 0, nil, func(c *player) {
					c.play([]row{{"a child has no jobs", netbsd.SYS_aio_error, args{first}, netbsd.EINVAL, nil, nil}})
					c.ok(netbsd.SYS_aio_read, c.aiocb(netbsd.Aiocb{Buf: c.arg(room(8)), Nbytes: 8}))
					end(c)
				}},
				{"wait(2)", netbsd.SYS___wait450, args{-1, 0, 0, 0}, 0, nil, nil},
			})
		}
		p.ok(netbsd.SYS_write, 1, "mine", 4)
		p.play([]row{{"nobody else reads", netbsd.SYS_read, args{0, room(8), 8}, 0, 4, nil}})
	})
}

// suspended jobs: EINTR for a signal that comes meanwhile.
func TestAioSuspendKilled(t *testing.T) {
	newRig(t).run(func(p *player) {
		p.ok(netbsd.SYS_pipe)
		p.sleeper(func(c *player) {
			cb := c.aiocb(netbsd.Aiocb{Buf: c.arg(room(8)), Nbytes: 8})
			c.ok(netbsd.SYS_aio_read, cb)
			c.play([]row{{"EINTR", netbsd.SYS___aio_suspend50, args{longs(cb), 1, 0}, netbsd.EINTR, nil, nil}})
		}, func(pid uint64) { p.ok(netbsd.SYS_kill, pid, netbsd.SIGKILL) })
	})
}

// aio_exit is one exit hook for all processes: here one that executes again and again has one of its own, not one for each program. It
// is told by a queue that is put behind the hook: another one would end that.
func TestAioHooksOnce(t *testing.T) {
	newRig(t).run(func(p *player) {
		p.ok(netbsd.SYS_pipe)
		left := make(chan bool, 1)
		p.play([]row{
			{"fork(2)", netbsd.SYS_fork, nil, 0, nil, func(c *player) {
				read := func() { c.ok(netbsd.SYS_aio_read, c.aiocb(netbsd.Aiocb{Buf: c.arg(room(8)), Nbytes: 8})) }
				proc := c.c.L.Proc()
				read()
				first := c.c.aioOf()
				stopAio(proc) // as an exec does
				proc.OnExit(func(p *kern.Proc) { p.SetSpecific(aioKey{}, first) })
				read()
				proc.OnExit(func(p *kern.Proc) { left <- p.Specific(aioKey{}) != nil })
			}},
			{"wait(2)", netbsd.SYS___wait450, args{-1, 0, 0, 0}, 0, nil, nil},
		})
		if !<-left {
			t.Error("there is a second hook")
		}
	})
}
