package netbsd

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
