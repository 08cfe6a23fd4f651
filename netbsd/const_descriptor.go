package netbsd

// Flags of memfd_create(2), and seals: sys/mman.h and sys/fcntl.h.
const (
	MFD_CLOEXEC       = 1
	MFD_ALLOW_SEALING = 2
	MFD_CLOFORK       = 4

	F_SEAL_SEAL         = 1
	F_SEAL_SHRINK       = 2
	F_SEAL_GROW         = 4
	F_SEAL_WRITE        = 8
	F_SEAL_FUTURE_WRITE = 16
)

// epoll(2): sys/epoll.h.
const (
	EPOLL_CLOEXEC = O_CLOEXEC

	EPOLLIN      = 0x1
	EPOLLPRI     = 0x2
	EPOLLOUT     = 0x4
	EPOLLERR     = 0x8
	EPOLLHUP     = 0x10
	EPOLLRDNORM  = 0x40
	EPOLLRDBAND  = 0x80
	EPOLLWRNORM  = 0x100
	EPOLLWRBAND  = 0x200
	EPOLLMSG     = 0x400
	EPOLLRDHUP   = 0x2000
	EPOLLWAKEUP  = 0x20000000
	EPOLLONESHOT = 0x40000000
	EPOLLET      = 0x80000000

	EPOLL_CTL_ADD = 1
	EPOLL_CTL_DEL = 2
	EPOLL_CTL_MOD = 3

	EPOLL_MAX_EVENTS = 4 << 20
)

// Flags of eventfd(2) and timerfd_create(2): sys/eventfd.h and sys/timerfd.h.
const (
	EFD_SEMAPHORE = O_RDWR
	EFD_CLOEXEC   = O_CLOEXEC
	EFD_NONBLOCK  = O_NONBLOCK

	TFD_TIMER_ABSTIME       = O_WRONLY
	TFD_TIMER_CANCEL_ON_SET = O_RDWR
	TFD_CLOEXEC             = O_CLOEXEC
	TFD_NONBLOCK            = O_NONBLOCK

	// TFD_IOC_SET_TICKS is an ioctl(2) that sets how often a timer has fired.
	TFD_IOC_SET_TICKS = 0x80085400
)
