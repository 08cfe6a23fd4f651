package netbsd

// Commands of swapctl(2) and modctl(2).
const (
	SWAP_ON      = 1
	SWAP_NSWAP   = 3
	SWAP_STATS13 = 4
	SWAP_STATS50 = 6
	SWAP_STATS   = 10

	MODCTL_LOAD   = 0
	MODCTL_UNLOAD = 1
	MODCTL_STAT   = 2
	MODCTL_EXISTS = 3
)
