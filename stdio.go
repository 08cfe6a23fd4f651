package toaster

import (
	"errors"
	"io"
	"os"
	"sync"
)

// stdio is what a command's descriptors 0, 1, 2 and up stand on: host files, and the
// copying between them and the readers and writers that are not files.
type stdio struct {
	files  []*os.File // by guest descriptor
	close  []*os.File // ours, closed once the guest has them
	copies []func() error

	wg   sync.WaitGroup
	mu   sync.Mutex
	err  error      // the first error of a copy; guarded by mu
	ends []*os.File // our ends of pipes, closed when the command is over
}

// input gives the file for descriptor 0; nil reads as /dev/null.
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
	s.copies = append(s.copies, func() error {
		_, err := io.Copy(pw, r)
		if errors.Is(err, errBrokenPipe) || errors.Is(err, os.ErrClosed) {
			err = nil // the guest did not want all of it: no failure of the command
		}
		return errors.Join(err, ignoreClosed(pw.Close()))
	})
	return nil
}

// output gives the file for descriptor 1 or 2; nil writes to /dev/null.
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
	s.copies = append(s.copies, func() error {
		_, err := io.Copy(w, pr)
		return errors.Join(err, pr.Close())
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

// start begins the copying and closes the guest's ends on our side.
func (s *stdio) start() {
	s.closeGuestEnds()
	for _, c := range s.copies {
		s.wg.Go(func() {
			if err := c(); err != nil {
				s.mu.Lock()
				s.err = errors.Join(s.err, err)
				s.mu.Unlock()
			}
		})
	}
}

func (s *stdio) closeGuestEnds() {
	for _, f := range s.close {
		f.Close()
	}
	s.close = nil
}

// wait ends the copying: outputs reach their end of file, and an input nobody reads
// any more is given up.
func (s *stdio) wait() error {
	for _, f := range s.ends {
		f.Close()
	}
	s.wg.Wait()
	return s.err
}

func ignoreClosed(err error) error {
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}
