package netbsdroot

import (
	"context"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// This file brings a set onto this machine. What comes is written to NAME.part in the cache, which
// stays when the connection is cut, so that this attempt and later ones go on where it ends
// (Range, RFC 9110).

// tries is how often a connection that is cut is made again; one that brought more than any before
// counts as none.
const tries = 4

// stall is how long a server may send nothing.
const stall = time.Minute

// most is how much a server may send: a set has some 400 MB at most.
const most = 8 << 30

// errStalled says that a server was waited for in vain.
var errStalled = errors.New("nothing came for a long time")

// source is where sets come from: a directory of this machine, or of a server.
type source struct {
	at     string // as the user named it
	remote bool
	client *http.Client
	stall  time.Duration
	most   int64
	// pause waits before another try. Tests do not wait.
	pause func(ctx context.Context, n int)
}

func newSource(from string) (*source, error) {
	s := &source{at: from, client: newClient(), pause: pause, stall: stall, most: most}
	u, err := url.Parse(from)
	if err == nil && (u.Scheme == "http" || u.Scheme == "https") {
		s.remote = true
		return s, nil
	}
	if err == nil && u.Scheme != "" && strings.Contains(from, "://") {
		return nil, fmt.Errorf("%s: only http and https are spoken; name such a URL, or a directory", from)
	}
	st, err := os.Stat(from)
	if err != nil {
		return nil, fmt.Errorf("%w; name a directory with a release's sets, or a URL", err)
	}
	if !st.IsDir() {
		return nil, fmt.Errorf("%s: not a directory; name the one that the sets are in", from)
	}
	return s, nil
}

// newClient is one of the proxies that the environment names (http.ProxyFromEnvironment).
func newClient() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ResponseHeaderTimeout = stall
	t.DisableCompression = true // a part's length is that of the file
	return &http.Client{Transport: t, CheckRedirect: keepTLS}
}

// keepTLS follows a mirror's word on where else a file is, but not from where TLS says who sends it to where nobody does.
func keepTLS(req *http.Request, via []*http.Request) error {
	if req.URL.Scheme != "https" && via[0].URL.Scheme == "https" {
		return fmt.Errorf("the server leads to %s, without TLS", req.URL.Redacted())
	}
	if len(via) >= 10 {
		return errors.New("the server leads from one place to another without end")
	}
	return nil
}

func pause(ctx context.Context, n int) {
	select {
	case <-ctx.Done():
	case <-time.After(time.Duration(n) * time.Second):
	}
}

func (s *source) name(file string) string {
	if s.remote {
		return strings.TrimSuffix(s.at, "/") + "/" + file
	}
	return filepath.Join(s.at, file)
}

// sums reads the list.
func (s *source) sums(ctx context.Context) (sums, error) {
	ctx, _, stop := s.waiting(ctx)
	defer stop()
	r, err := s.open(ctx, sumsName)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; without it nobody can say whether the sets are the release's", s.name(sumsName), err)
	}
	defer r.Close()
	list, err := readSums(r)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w; is this a release's directory of sets?", s.name(sumsName), err)
	}
	return list, nil
}

// waiting is a context that ends, with errStalled, when nobody has reset the timer for long enough.
func (s *source) waiting(ctx context.Context) (_ context.Context, idle *time.Timer, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	idle = time.AfterFunc(s.stall, func() { cancel(errStalled) })
	return ctx, idle, func() {
		idle.Stop()
		cancel(nil)
	}
}

func (s *source) open(ctx context.Context, file string) (io.ReadCloser, error) {
	if !s.remote {
		return s.openFile(s.name(file), os.O_RDONLY)
	}
	resp, err := s.get(ctx, file, 0)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, statusError(resp)
	}
	return resp.Body, nil
}

func (s *source) get(ctx context.Context, file string, from int64) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.name(file), nil)
	if err != nil {
		return nil, err
	}
	if from > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", from))
	}
	return s.client.Do(req)
}

func statusError(resp *http.Response) error {
	switch resp.StatusCode {
	case http.StatusNotFound:
		return fmt.Errorf("the server has no such file (404); is there such a release, and is the mirror's directory the one of its sets?")
	case http.StatusProxyAuthRequired:
		return fmt.Errorf("the proxy wants to know who asks (407); see HTTPS_PROXY")
	}
	return fmt.Errorf("the server answers %q", resp.Status)
}

// fetch brings a file and returns its name on this machine: in the cache, or in the directory
// where it is.
func (s *source) fetch(ctx context.Context, file, sum, cache string, p *progress) (string, error) {
	if !s.remote {
		return s.name(file), s.checkLocal(file, sum, p)
	}
	done := filepath.Join(cache, file)
	if got, err := s.sumOf(done, nil); err == nil && got == sum {
		return done, nil
	}
	part := done + ".part"
	for fresh := false; ; fresh = true {
		if err := s.fill(ctx, file, part, p); err != nil {
			return "", fmt.Errorf("%s: %w", s.name(file), err)
		}
		got, err := s.sumOf(part, nil)
		switch {
		case err != nil:
			return "", err
		case got == sum:
			return done, os.Rename(part, done)
		}
		continued := !fresh && p.continued
		if err := os.Remove(part); err != nil {
			return "", err
		}
		if !continued {
			return "", fmt.Errorf("%s: its SHA512 sum is %.16s..., the release's list says %.16s...; it was thrown away. Try again, or another mirror (--from); if that happens again, somebody may be changing what you get", s.name(file), got, sum)
		}
		// What was there before need not have been of this release.
	}
}

func (s *source) checkLocal(file, sum string, p *progress) error {
	got, err := s.sumOf(s.name(file), p)
	if err != nil {
		return err
	}
	if got != sum {
		return fmt.Errorf("%s: its SHA512 sum is %.16s..., the list beside it says %.16s...; get it again", s.name(file), got, sum)
	}
	return nil
}

// openFile opens a file of the sets' directory, or of the cache. Others may have put something else there: a FIFO would have who opens it
// wait, a device has no end, and a link of the cache may lead to any file of the user's, who has put none there.
func (s *source) openFile(name string, flags int) (*os.File, error) {
	if s.remote {
		flags |= unix.O_NOFOLLOW
	}
	f, err := os.OpenFile(name, flags|unix.O_NONBLOCK, 0o644)
	if errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENXIO) {
		return nil, fmt.Errorf("%w: %s", err, notPlain)
	}
	if err != nil {
		return nil, err
	}
	var st unix.Stat_t
	err = unix.Fstat(int(f.Fd()), &st)
	shared := flags&os.O_CREATE != 0 && st.Nlink > 1 // another name of the user's file
	if err == nil && (st.Mode&unix.S_IFMT != unix.S_IFREG || st.Size > most || shared) {
		err = fmt.Errorf("%s: %s", name, notPlain)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

const notPlain = "not a regular file of one name and of a set's size; remove it, or name a directory of your own"

// sumOf reads a file.
func (s *source) sumOf(name string, p *progress) (string, error) {
	f, err := s.openFile(name, os.O_RDONLY)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha512.New()
	if _, err := io.Copy(h, io.LimitReader(p.counting(f), most)); err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// fill gets what part lacks of a file.
func (s *source) fill(ctx context.Context, file, part string, p *progress) error {
	w, err := s.openFile(part, os.O_WRONLY|os.O_CREATE)
	if err != nil {
		return err
	}
	defer w.Close()
	at, err := w.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	p.continued = at > 0
	for n, best := 0, at; ; {
		got, err := s.more(ctx, file, w, at, p)
		switch {
		case err == nil:
			return w.Close()
		case ctx.Err() != nil || !errors.Is(err, errCut):
			return err
		}
		if n++; got > best {
			n, best = 1, got
		}
		if at = got; n > tries {
			return fmt.Errorf("%w; what came is kept: the same command goes on from there", err)
		}
		s.pause(ctx, n)
	}
}

// errCut says that a connection ended before the file did.
var errCut = errors.New("the connection was cut")

// more makes one connection, and returns how much of the file there is then. A server that cannot go on
// in the middle begins again.
func (s *source) more(ctx context.Context, file string, w *os.File, at int64, p *progress) (int64, error) {
	ctx, idle, stop := s.waiting(ctx)
	defer stop()
	resp, err := s.get(ctx, file, at)
	if err != nil {
		return at, fmt.Errorf("%w: %w", errCut, err)
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
		at = 0
	case http.StatusPartialContent:
		if !strings.HasPrefix(resp.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", at)) {
			return at, fmt.Errorf("the server was asked for what comes after %d bytes and sends %q", at, resp.Header.Get("Content-Range"))
		}
	case http.StatusRequestedRangeNotSatisfiable:
		return at, nil // all is there; the sum will say
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return at, fmt.Errorf("%w: %w", errCut, statusError(resp))
	default:
		return at, statusError(resp)
	}
	if err := w.Truncate(at); err != nil {
		return at, err
	}
	if _, err := w.Seek(at, io.SeekStart); err != nil {
		return at, err
	}
	p.begin(at, max(resp.ContentLength, -at)+at)
	n, err := io.Copy(&alive{w, idle, s.stall, p}, io.LimitReader(resp.Body, s.most-at+1))
	switch {
	case at+n > s.most:
		w.Truncate(0)
		return 0, errors.New("it does not end; no set of NetBSD's is as large as what came, which was thrown away")
	case err == nil:
		return at + n, nil
	case context.Cause(ctx) == errStalled:
		err = errStalled
	}
	if pe := (*os.PathError)(nil); errors.As(err, &pe) {
		return at + n, noRoom(err)
	}
	return at + n, fmt.Errorf("%w: %w", errCut, err)
}

// alive writes, and puts off the moment when the server counts as silent.
type alive struct {
	w     io.Writer
	idle  *time.Timer
	stall time.Duration
	p     *progress
}

func (a *alive) Write(b []byte) (int, error) {
	a.idle.Reset(a.stall)
	n, err := a.w.Write(b)
	a.p.add(n)
	return n, err
}
