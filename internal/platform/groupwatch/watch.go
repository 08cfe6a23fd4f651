//lint:file-ignore U1000 the watch's code is used by its address

// Package groupwatch kills process groups of the host when toaster is gone, however it ended:
// those of the host's programs, which are not in the sandbox, so that its sentinel does not
// know them.
package groupwatch

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"toaster/internal/memprog"
)

// A Watch is a process in a session of its own with a table of groups. It lives until the other
// end of a pipe is closed, which is toaster's alone, and kills then what is in the table.
//
// Its methods may be called by any goroutine, Close once. After that the others do nothing.
type Watch struct {
	pid      int
	lifeline int

	mu   sync.Mutex
	page []byte // nil after Close
}

// slots is how many groups are watched at most; watch_amd64.s has the number, too.
const slots = 1024

// Implemented in watch_amd64.s, and never called here.
func watchBegin()
func watchLimit()

var watchCode memprog.Code // between them

// name is what the watch is called in the host's process list, as its argument.
const name = "toaster-groups"

// New starts a watch. The caller must Close it.
func New() (*Watch, error) {
	const base = 0x400000
	exe, err := memprog.File(name, &memprog.Image{Entry: base, Segments: []memprog.Segment{
		{Addr: base, Prot: unix.PROT_READ | unix.PROT_EXEC, Data: watchCode.Bytes()}}})
	if err != nil {
		return nil, err
	}
	defer unix.Close(exe)
	table, err := memprog.Memfd(name, memprog.NoexecSeal)
	if err != nil {
		return nil, err
	}
	defer unix.Close(table)
	w := new(Watch)
	if err := w.start(exe, table); err != nil {
		return nil, fmt.Errorf("a process that watches groups: %w", err)
	}
	return w, nil
}

func (w *Watch) start(exe, table int) (err error) {
	if err := unix.Ftruncate(table, 4*slots); err != nil {
		return os.NewSyscallError("ftruncate", err)
	}
	if w.page, err = unix.Mmap(table, 0, 4*slots, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
		return os.NewSyscallError("mmap", err)
	}
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		unix.Munmap(w.page)
		return os.NewSyscallError("pipe2", err)
	}
	w.lifeline = pipe[1]
	w.pid, err = memprog.Start(exe, []string{name}, &syscall.ProcAttr{
		Dir: "/", Env: []string{}, Files: []uintptr{uintptr(pipe[0]), uintptr(table)},
		Sys: &syscall.SysProcAttr{Setsid: true},
	})
	unix.Close(pipe[0])
	if err != nil {
		unix.Close(w.lifeline)
		unix.Munmap(w.page)
	}
	return err
}

func (w *Watch) slot(i int) *atomic.Int32 {
	return (*atomic.Int32)(unsafe.Pointer(&w.page[4*i]))
}

// Add puts a group into the table, unless that is full.
func (w *Watch) Add(pgid int) { w.replace(0, pgid) }

// Remove takes it out, before its number can be somebody else's.
func (w *Watch) Remove(pgid int) { w.replace(pgid, 0) }

func (w *Watch) replace(old, new int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range len(w.page) / 4 {
		if w.slot(i).CompareAndSwap(int32(old), int32(new)) {
			return
		}
	}
}

// Close ends the watch, which kills what is in the table.
func (w *Watch) Close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	unix.Close(w.lifeline)
	for {
		if _, err := unix.Wait4(w.pid, nil, 0, nil); err != unix.EINTR {
			break
		}
	}
	unix.Munmap(w.page)
	w.page = nil
}
