package netbsd

// Filters of kevent(2).
const (
	EVFILT_READ     = 0
	EVFILT_WRITE    = 1
	EVFILT_AIO      = 2
	EVFILT_VNODE    = 3
	EVFILT_PROC     = 4
	EVFILT_SIGNAL   = 5
	EVFILT_TIMER    = 6
	EVFILT_FS       = 7
	EVFILT_USER     = 8
	EVFILT_EMPTY    = 9
	EVFILT_SYSCOUNT = 10
)

// Flags of struct kevent.
const (
	EV_ADD      = 1
	EV_DELETE   = 2
	EV_ENABLE   = 4
	EV_DISABLE  = 8
	EV_ONESHOT  = 0x10
	EV_CLEAR    = 0x20
	EV_RECEIPT  = 0x40
	EV_DISPATCH = 0x80
	EV_SYSFLAGS = 0xf000
	EV_FLAG1    = 0x2000
	EV_ERROR    = 0x4000
	EV_EOF      = 0x8000
)

// Filter flags: EVFILT_READ and EVFILT_WRITE.
const (
	NOTE_LOWAT = 1
)

// Filter flags: EVFILT_VNODE.
const (
	NOTE_DELETE      = 1
	NOTE_WRITE       = 2
	NOTE_EXTEND      = 4
	NOTE_ATTRIB      = 8
	NOTE_LINK        = 0x10
	NOTE_RENAME      = 0x20
	NOTE_REVOKE      = 0x40
	NOTE_OPEN        = 0x80
	NOTE_CLOSE       = 0x100
	NOTE_CLOSE_WRITE = 0x200
	NOTE_READ        = 0x400
)

// Filter flags: EVFILT_PROC.
const (
	NOTE_EXIT      = 0x80000000
	NOTE_FORK      = 0x40000000
	NOTE_EXEC      = 0x20000000
	NOTE_PCTRLMASK = 0xf0000000
	NOTE_PDATAMASK = 0xfffff
	NOTE_TRACK     = 1
	NOTE_TRACKERR  = 2
	NOTE_CHILD     = 4
)

// Filter flags: EVFILT_TIMER.
const (
	NOTE_MSECONDS = 0
	NOTE_SECONDS  = 1
	NOTE_USECONDS = 2
	NOTE_NSECONDS = 3
	NOTE_ABSTIME  = 0x10
)

// Filter flags: EVFILT_USER.
const (
	NOTE_FFNOP      = 0
	NOTE_FFAND      = 0x40000000
	NOTE_FFOR       = 0x80000000
	NOTE_FFCOPY     = 0xc0000000
	NOTE_FFCTRLMASK = 0xc0000000
	NOTE_FFLAGSMASK = 0xffffff
	NOTE_TRIGGER    = 0x1000000
)

// Events of poll(2).
const (
	POLLIN     = 1
	POLLPRI    = 2
	POLLOUT    = 4
	POLLERR    = 8
	POLLHUP    = 0x10
	POLLNVAL   = 0x20
	POLLRDNORM = 0x40
	POLLRDBAND = 0x80
	POLLWRNORM = 4
	POLLWRBAND = 0x100
	FD_SETSIZE = 256
)

// Requests of ioctl(2) on kqueues.
const (
	KFILTER_BYFILTER = 0xc0186b00
	KFILTER_BYNAME   = 0xc0186b01
)
