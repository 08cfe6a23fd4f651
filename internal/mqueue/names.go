// Package mqueue is POSIX message queues (sys_mqueue.c of NetBSD). A queue belongs to a
// machine, is found by its name, and outlives the processes that use it until it is unlinked
// and closed. An open queue is a file, which poll(2) can watch and nobody can read or write.
package mqueue

import (
	"sync"
	"sync/atomic"
	"time"

	"toaster/internal/file"
	"toaster/kern"
	"toaster/netbsd"
)

// Limits (sys/mqueue.h, and the variables that kern.mqueue of sysctl(7) shows).
const (
	OpenMax    = 512 // descriptors of a process
	PrioMax    = 32
	MaxMsgsize = 16 * 1024
	DefMaxmsg  = 32
	MaxMaxmsg  = 16 * 32
	NameMax    = 255 // with the terminating byte

	// DefMsgsize is how large a message is whose queue does not say it, with what the kernel adds.
	DefMsgsize = 1024

	// MaxBody is the most that a message can hold, whatever its queue.
	MaxBody = MaxMsgsize - header

	header     = 32 // sizeof(struct mq_msg), which counts for the size of a message
	defMsgsize = DefMsgsize - header
)

// Limits that NetBSD does not have: queues stay when their makers are gone, so a guest could
// have the kernel remember any number of them.
const (
	maxQueues = 4096
	maxBytes  = 256 << 20
)

// Names are the queues of a machine. The zero value has none.
type Names struct {
	mu     sync.Mutex
	list   map[string]*queue
	queues int // those without a name, too
	bytes  int // of messages in all of them

	limits atomic.Pointer[Limits] // nil: nobody has changed them
}

// Limits are those of kern.mqueue in sysctl(7), which the superuser may set to whatever number: descriptors of a process, priorities,
// bytes of a message, and messages of a queue by default and at most.
type Limits struct{ OpenMax, PrioMax, MaxMsgsize, DefMaxmsg, MaxMaxmsg int32 }

// Limits returns them as they have been set.
func (n *Names) Limits() Limits {
	if l := n.limits.Load(); l != nil {
		return *l
	}
	return Limits{OpenMax, PrioMax, MaxMsgsize, DefMaxmsg, MaxMaxmsg}
}

// SetLimits sets them.
func (n *Names) SetLimits(l Limits) { n.limits.Store(&l) }

// bounds are what holds: no more than what there is room for.
func (n *Names) bounds() Limits {
	l := n.Limits()
	return Limits{min(l.OpenMax, OpenMax), min(l.PrioMax, PrioMax), min(l.MaxMsgsize, MaxMsgsize), max(min(l.DefMaxmsg, DefMaxmsg), 0),
		min(l.MaxMaxmsg, MaxMaxmsg)}
}

// MaxPrio is the number of priorities.
func (n *Names) MaxPrio() uint32 { return uint32(max(n.bounds().PrioMax, 0)) }

// Caller is on whose behalf a call runs.
type Caller struct {
	L    file.Sleeper
	P    *kern.Proc
	Cred *kern.Cred
}

// OpenArgs are those of mq_open(3).
type OpenArgs struct {
	Name  string
	Flags int
	Mode  uint32         // without what the caller's umask takes off
	Attr  *netbsd.MqAttr // nil for the default
	Has   int            // open queues that the caller has already
}

// Open is mq_open(3). EMFILE: a process has as many queues open as it may. EINVAL: no
// name, or attributes out of bounds. ENOENT, EEXIST, EACCES. ENFILE: too many queues.
func (n *Names) Open(c Caller, a OpenArgs) (*file.Description, netbsd.Errno) {
	create, bounds := a.Flags&netbsd.O_CREAT != 0, n.bounds()
	if a.Has >= int(bounds.OpenMax) {
		return nil, netbsd.EMFILE
	}
	if create {
		if errno := a.check(bounds); errno != 0 {
			return nil, errno
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	q := n.list[a.Name]
	switch {
	case q != nil && a.Flags&netbsd.O_EXCL != 0:
		return nil, netbsd.EEXIST
	case q != nil:
		if errno := q.access(c.Cred, a.Flags); errno != 0 {
			return nil, errno
		}
	case !create:
		return nil, netbsd.ENOENT
	case n.queues >= maxQueues:
		return nil, netbsd.ENFILE
	default:
		q = n.add(c, &a)
	}
	q.refs++
	return file.New(&File{queue: q, cred: c.Cred}, a.Flags&netbsd.O_ACCMODE), 0
}

// check is what mqueue_create looks at before it makes a queue.
func (a *OpenArgs) check(l Limits) netbsd.Errno {
	if a.Name == "" {
		return netbsd.EINVAL
	}
	if at := a.Attr; at != nil && (at.Maxmsg <= 0 || at.Maxmsg > int64(l.MaxMaxmsg) || at.Msgsize <= 0 || at.Msgsize > int64(l.MaxMsgsize)) {
		return netbsd.EINVAL
	}
	return 0
}

// knownFlags is O_MASK, what of the flags of mq_open(3) mq_getattr(3) tells.
const knownFlags = netbsd.O_ACCMODE | netbsd.O_NONBLOCK | netbsd.O_APPEND | netbsd.O_SHLOCK | netbsd.O_EXLOCK | netbsd.O_ASYNC |
	netbsd.O_SYNC | netbsd.O_NOFOLLOW | netbsd.O_CREAT | netbsd.O_TRUNC | netbsd.O_EXCL | netbsd.O_DSYNC | netbsd.O_RSYNC |
	netbsd.O_NOCTTY | netbsd.O_DIRECT | netbsd.O_DIRECTORY | netbsd.O_CLOEXEC | netbsd.O_NOSIGPIPE | netbsd.O_REGULAR

// add makes a queue. n.mu is held.
func (n *Names) add(c Caller, a *OpenArgs) *queue {
	q := &queue{names: n, name: a.Name, mode: a.Mode &^ netbsd.S_ISVTX, uid: c.Cred.EUID, gid: c.Cred.EGID}
	q.attr = netbsd.MqAttr{Maxmsg: int64(n.bounds().DefMaxmsg), Msgsize: defMsgsize}
	if a.Attr != nil {
		q.attr = *a.Attr
		q.attr.Curmsgs = 0
	}
	q.attr.Flags = int64(a.Flags & knownFlags)
	q.born = netbsd.TimespecAt(time.Now())
	q.read, q.written = q.born, q.born
	if n.list == nil {
		n.list = map[string]*queue{}
	}
	n.list[a.Name] = q
	n.queues++
	return q
}

// Unlink is mq_unlink(3): who sleeps for the queue gets EINTR. ENOENT. EACCES: it is another
// user's.
func (n *Names) Unlink(c Caller, name string) netbsd.Errno {
	n.mu.Lock()
	defer n.mu.Unlock()
	q := n.list[name]
	if q == nil {
		return netbsd.ENOENT
	}
	if !c.Cred.IsRoot() && c.Cred.EUID != q.uid {
		return netbsd.EACCES
	}
	delete(n.list, name)
	q.unlink()
	n.drop(q)
	return 0
}

// drop forgets a queue that has neither a name nor users. n.mu is held.
func (n *Names) drop(q *queue) {
	if q.refs > 0 || n.list[q.name] == q {
		return
	}
	n.queues--
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range q.messages {
		n.bytes -= q.messages[i].size()
	}
	q.messages = nil
}

// charge counts bytes of messages. ENOMEM: that is too much.
func (n *Names) charge(bytes int) netbsd.Errno {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.bytes+bytes > maxBytes {
		return netbsd.ENOMEM
	}
	n.bytes += bytes
	return 0
}
