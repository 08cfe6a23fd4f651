package netbsd

// Flags of getrandom(2) (sys/random.h).
const (
	GRND_NONBLOCK = 1
	GRND_RANDOM   = 2
	GRND_INSECURE = 4
)

// Commands of swapctl(2) and modctl(2), and flags of mount(2).
const (
	MNT_UPDATE  = 0x00010000
	MNT_GETARGS = 0x00400000

	SWAP_ON      = 1
	SWAP_OFF     = 2
	SWAP_NSWAP   = 3
	SWAP_STATS13 = 4
	SWAP_STATS50 = 6

	SWAP_GETDUMPDEV = 8
	SWAP_STATS      = 10

	MODCTL_LOAD   = 0
	MODCTL_UNLOAD = 1
	MODCTL_OSTAT  = 2 // MODCTL_STAT of before NetBSD 9
	MODCTL_EXISTS = 3
	MODCTL_STAT   = 4
)
