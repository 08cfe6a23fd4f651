package socket

import (
	"maps"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/guard"
	"toaster/internal/hostfile"
	"toaster/internal/hostlimits"
	"toaster/netbsd"
)

// Descriptors on their way through a local socket (SCM_RIGHTS), which wait in a queue
// of the host. An open file of the kernel's is no descriptor of the host's, so something
// travels in its place, which the receiving side knows by its inode:
//
//   - for a socket the host's own descriptor of it;
//   - for anything else a token, the read end of a pipe of the host.
//
// While it is in flight the file has a reference more. Should the message be thrown
// away unread, the other end of the token's pipe hears that nobody reads any more, and
// the reference goes; a message with sockets has a token more for that, its seal.
//
// Sockets can be in flight in each other's queues, or in their own, where nobody
// can get at them any more. NetBSD collects such cycles in unp_gc, the host in its
// unix_gc, which knows all queues, those of connections that nobody has accepted and
// those of the host's programs too. So that is left to the host: of a socket of which
// nothing but references in flight are left (f_count == f_msgcount) toaster closes its
// own descriptor: it is suspended. Then the host sees of it what NetBSD would: if the socket is
// received, the descriptor that came is toaster's from then on; if it is in a cycle, the
// host discards the message, with the seal.

// rights are a machine's open files in flight.
type rights struct {
	host *hostfile.Host
	max  int

	mu      sync.Mutex // guards what follows, which descriptions are in flight, and who is suspended
	n       int        // files in flight (unp_rights)
	tokens  map[file.Inode]*token
	sockets map[file.Inode]*file.Description // the sockets in flight, by the inode of the host's
	closed  bool

	losses sync.WaitGroup // goroutines that deal with lost tokens
}

// token stands for open files on their way.
type token struct {
	id     file.Inode
	files  []*file.Description
	inodes []file.Inode   // of those of the files that are sockets, in their places
	seal   bool           // the files are there themselves
	told   []netbsd.Cmsg  // what goes along beside files
	end    *hostfile.File // the write end, which hears of the token's loss
	w      file.Waiter
}

// maxFilesRatio is the part of all files that may be in flight (unp_rights_ratio), and
// hostFilesRatio that of the host's descriptors.
const maxFilesRatio, hostFilesRatio = 2, 4

func (r *rights) init(h *hostfile.Host, cfg Config) {
	r.host = h
	r.tokens, r.sockets = map[file.Inode]*token{}, map[file.Inode]*file.Description{}
	if r.max = cfg.MaxRights; r.max > 0 {
		return
	}
	files := file.MaxOpenFiles
	if cfg.MaxFiles > 0 {
		files = cfg.MaxFiles
	}
	r.max = files / maxFilesRatio
	var lim unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &lim) == nil {
		r.max = int(min(uint64(r.max), lim.Cur/hostFilesRatio))
	}
}

// flier is the host's side of a file that is in flight as itself, nil if d's is not one.
func flier(d *file.Description) *hostfile.File {
	switch f := d.File.(type) {
	case *Socket:
		if f.family == netbsd.AF_LOCAL {
			return &f.File
		}
	case *hostfile.File:
		if f.IsSocket() {
			return f
		}
	}
	return nil
}

// pack makes a control message of open files (unp_internalize): EINVAL if there are
// too many for one message, EBADF for a file that can't be passed on, EAGAIN if too
// many are in flight. Preconditions: the caller has references to the files. It calls
// sent once the message is sent, or isn't. What is told beside the files travels as one more token.
func (k *Stack) pack(s *Socket, files []*file.Description, told []netbsd.Cmsg) (oob []byte, sent func(), errno netbsd.Errno) {
	switch {
	case len(files) == 0 && len(told) == 0:
		return nil, func() {}, 0
	case s.family != netbsd.AF_LOCAL, len(files) > maxRights-min(1, len(told)):
		return nil, nil, netbsd.EINVAL
	case slices.ContainsFunc(files, (*file.Description).Private):
		return nil, nil, netbsd.EBADF
	}
	r := &k.rights
	if errno := r.reserve(len(files)); errno != 0 {
		return nil, nil, errno
	}
	var p parcel
	errno = p.fill(r, files)
	if errno == 0 && len(told) > 0 {
		errno = p.add(r, &token{seal: true, told: told})
	}
	if errno != 0 {
		r.unreserve(len(files) - p.flying())
		p.sent(r)
		return nil, nil, errno
	}
	return unix.UnixRights(p.fds...), func() { p.sent(r) }, 0
}

// reserve counts n files more, if there may be so many. What was lost and not yet heard
// of does not count.
func (r *rights) reserve(n int) netbsd.Errno {
	if r.tryReserve(n) {
		return 0
	}
	for _, t := range r.lost() {
		r.drop(t)
	}
	if r.tryReserve(n) {
		return 0
	}
	return netbsd.EAGAIN
}

// tryReserve counts before anything is made, so that many senders at once do not pass the
// limit together.
func (r *rights) tryReserve(n int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.n+n > r.max {
		return false
	}
	r.n += n
	return true
}

func (r *rights) unreserve(n int) {
	r.mu.Lock()
	r.n -= n
	r.mu.Unlock()
}

// all lists the tokens that there are.
func (r *rights) all() []*token {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Collect(maps.Values(r.tokens))
}

// lost lists the tokens that nobody can receive any more.
func (r *rights) lost() []*token {
	return slices.DeleteFunc(r.all(), func(t *token) bool { return !t.unread() })
}

// parcel is what one message carries.
type parcel struct {
	fds    []int // in the order of the files, then the seal
	owned  []int // those of fds that are tokens, to be closed here
	tokens []*token
}

// fill makes what travels for each file: a token for each that is none of the host's, and
// one seal for all that are sockets.
func (p *parcel) fill(r *rights, files []*file.Description) netbsd.Errno {
	var sockets []*file.Description
	for _, d := range files {
		h := flier(d)
		if h == nil {
			if errno := p.add(r, &token{files: []*file.Description{d}}); errno != 0 {
				return errno
			}
			continue
		}
		p.fds = append(p.fds, h.FD())
		sockets = append(sockets, d)
	}
	if len(sockets) == 0 {
		return 0
	}
	return p.add(r, &token{files: sockets, seal: true})
}

func (p *parcel) add(r *rights, t *token) netbsd.Errno {
	fd, errno := r.send(t)
	if errno == 0 {
		p.fds, p.owned, p.tokens = append(p.fds, fd), append(p.owned, fd), append(p.tokens, t)
	}
	return errno
}

func (p *parcel) flying() (n int) {
	for _, t := range p.tokens {
		n += len(t.files)
	}
	return n
}

// sent closes this side's ends. If the message didn't go, that was all of them.
func (p *parcel) sent(r *rights) {
	for _, fd := range p.owned {
		unix.Close(fd)
	}
	for _, t := range p.tokens {
		r.dropIfLost(t)
	}
}

// send gives a token the write end of a pipe, and returns the read end, which travels.
func (r *rights) send(t *token) (int, netbsd.Errno) {
	for {
		fd, f, errno := r.host.HalfPipe(1)
		if errno != 0 {
			return -1, errno
		}
		t.end = f
		t.id, errno = inodeOf(fd)
		if errno == 0 && hostlimits.Scarce(t.end.FD()) {
			errno = netbsd.ENFILE
		}
		if errno == 0 && r.launch(t) {
			// A separate goroutine: dropping the file must not happen under the
			// queue's lock.
			t.w = file.Waiter{Mask: file.Err | file.Hup, Fn: func(file.Events) { r.losses.Go(func() { r.heard(t) }) }}
			t.end.Watch(&t.w)
			return fd, 0
		}
		unix.Close(fd)
		f.Close()
		if errno != 0 {
			return -1, errno
		}
	}
}

// launch puts t's files in flight. It fails for an inode that is on its way already: the
// host numbers its pipes round and round.
func (r *rights) launch(t *token) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tokens[t.id] != nil {
		return false
	}
	r.tokens[t.id] = t
	for _, d := range t.files {
		var id file.Inode
		if h := flier(d); h != nil {
			id, _ = inodeOf(h.FD())
			r.sockets[id] = d
		}
		t.inodes = append(t.inodes, id)
		d.Launch(r)
	}
	return true
}

func inodeOf(fd int) (file.Inode, netbsd.Errno) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return file.Inode{}, hostfile.Errno(err)
	}
	return hostfile.InodeOf(&st), 0
}

// unread reports whether nobody has the read end any more.
func (t *token) unread() bool { return t.end.Poll(0)&(file.Err|file.Hup) != 0 }

// heard is a goroutine that the host's word of t's loss has begun.
func (r *rights) heard(t *token) {
	guard.Report(guard.Catch("files that nobody received were closed", func() { r.dropIfLost(t) }))
}

func (r *rights) dropIfLost(t *token) {
	if t.unread() {
		r.drop(t)
	}
}

// drop ends a token (unp_discard): its files are not in flight by it any more.
func (r *rights) drop(t *token) {
	if !r.land(t) {
		return
	}
	t.end.Unwatch(&t.w)
	t.end.Close()
	for _, d := range t.files {
		d.Release()
	}
}

// land takes t out of the tables, unless somebody else has done so.
func (r *rights) land(t *token) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tokens[t.id] != t {
		return false
	}
	delete(r.tokens, t.id)
	r.n -= len(t.files)
	for i, d := range t.files {
		if d.Land() && flier(d) != nil {
			delete(r.sockets, t.inodes[i])
		}
	}
	return true
}

// close discards all that is in flight, wherever it is. No process has a file any more.
func (r *rights) close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	for _, t := range r.all() {
		r.drop(t)
	}
	r.losses.Wait()
}
