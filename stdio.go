package toaster

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
)

// stdio is what a command's descriptors 0, 1, 2 and up stand on: host files, and the
// copying between them and the readers and writers that are not files.
type stdio struct {
	files  []*os.File     // by guest descriptor
	close  []*os.File     // closed once the guest has them
	inputs []func() error // copies from readers
	copies []func() error // copies to writers

	in, out sync.WaitGroup
	mu      sync.Mutex
	err     error      // the first error of a copy; guarded by mu
	ends    []*os.File // toaster's ends of pipes that are written to, closed when the command is over
	readers []*os.File // and of those that are read, closed by who reads, or if that takes too long
}

// input adds the file for descriptor 0; nil reads as /dev/null.
func (s *stdio) input(r io.Reader) error {
	if r == nil {
		return s.null(os.O_RDONLY)
	}
	if f, ok := r.(*os.File); ok {
		s.files = append(s.files, f)
		return nil
	}
	pr, pw, err := os.Pipe()
	if err != nil {
		return err
	}
	s.files = append(s.files, pr)
	s.close = append(s.close, pr)
	s.ends = append(s.ends, pw)
	s.inputs = append(s.inputs, func() error {
		_, err := io.Copy(pw, r)
		if errors.Is(err, syscall.EPIPE) || errors.Is(err, os.ErrClosed) {
			err = nil // the guest did not want all of it: no failure of the command
		}
		return errors.Join(err, ignoreClosed(pw.Close()))
	})
	return nil
}

// output adds the file for descriptor 1 or 2; nil writes to /dev/null.
func (s *stdio) output(w io.Writer) error {
	if w == nil {
		return s.null(os.O_WRONLY)
	}
	if f, ok := w.(*os.File); ok {
		s.files = append(s.files, f)
		return nil
	}
	pr, pw, err := os.Pipe()
	if err != nil {
		return err
	}
	s.files = append(s.files, pw)
	s.close = append(s.close, pw)
	s.readers = append(s.readers, pr)
	s.copies = append(s.copies, func() error {
		_, err := io.Copy(w, pr)
		return errors.Join(ignoreClosed(err), ignoreClosed(pr.Close()))
	})
	return nil
}

func (s *stdio) null(flag int) error {
	f, err := os.OpenFile(os.DevNull, flag, 0)
	if err != nil {
		return err
	}
	s.files = append(s.files, f)
	s.close = append(s.close, f)
	return nil
}

// start begins the copying and closes toaster's copies of the guest's ends.
func (s *stdio) start() {
	s.closeGuestEnds()
	for _, c := range s.inputs {
		s.in.Go(func() { s.note(c()) })
	}
	for _, c := range s.copies {
		s.out.Go(func() { s.note(c()) })
	}
}

func (s *stdio) note(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = errors.Join(s.err, err)
}

func (s *stdio) error() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *stdio) closeGuestEnds() {
	for _, f := range s.close {
		f.Close()
	}
	s.close = nil
}

// finished ends the copying, and returns a channel that is closed once it is done: when
// outputs reach their end of file; an input nobody reads any more is given up.
func (s *stdio) finished() <-chan struct{} {
	for _, f := range s.ends {
		f.Close()
	}
	done := make(chan struct{})
	if len(s.inputs)+len(s.copies) == 0 {
		close(done)
		return done
	}
	go func() {
		s.in.Wait()
		s.out.Wait()
		close(done)
	}()
	return done
}

// giveUp ends the copying of outputs that others hold open. The caller's writers are not
// written to when it returns; a reader that does not return is left alone.
func (s *stdio) giveUp() {
	for _, f := range s.readers {
		f.Close()
	}
	s.out.Wait()
}

// mostEnd is how much headAndTail keeps of either end, as os/exec does.
const mostEnd = 32 << 10

// headAndTail keeps the beginning and the end of what is written to it, so that a guest that writes without end fills
// nobody's memory.
type headAndTail struct {
	head, tail []byte
	dropped    int64 // bytes between them
}

func (w *headAndTail) Write(b []byte) (int, error) {
	n := min(len(b), mostEnd-len(w.head))
	w.head = append(w.head, b[:n]...)
	w.tail = append(w.tail, b[n:]...)
	if over := len(w.tail) - mostEnd; over > 0 {
		w.tail = append(w.tail[:0], w.tail[over:]...)
		w.dropped += int64(over)
	}
	return len(b), nil
}

func (w *headAndTail) bytes() []byte {
	if w.dropped == 0 {
		return append(w.head, w.tail...)
	}
	return append(fmt.Appendf(w.head, "\n... omitting %d bytes ...\n", w.dropped), w.tail...)
}

func ignoreClosed(err error) error {
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}
