package file

// Open flags of open(2) as NetBSD numbers them.
const (
	oRDONLY    = 0
	oWRONLY    = 1
	oRDWR      = 2
	oACCMODE   = 3
	oNONBLOCK  = 0x4
	oAPPEND    = 0x8
	oASYNC     = 0x40
	oSYNC      = 0x80
	oCLOEXEC   = 0x400000
	oDSYNC     = 0x10000
	oRSYNC     = 0x20000
	oDIRECT    = 0x80000
	oNOSIGPIPE = 0x1000000
)

// settable are the flags that F_SETFL may change (fcntl(2)).
const settable = oNONBLOCK | oAPPEND | oASYNC | oSYNC | oDSYNC | oRSYNC | oDIRECT | oNOSIGPIPE

// Whence values of lseek(2).
const (
	SeekSet = 0
	SeekCur = 1
	SeekEnd = 2
)

// PipeBuf is PIPE_BUF of sys/syslimits.h: writes up to this size are atomic.
const PipeBuf = 512
