package fs

// AtFdcwd is AT_FDCWD, and the flags of the *at calls (sys/fcntl.h).
const (
	AtFdcwd           = -100
	AtEaccess         = 0x100
	AtSymlinkNofollow = 0x200
	AtSymlinkFollow   = 0x400
	AtRemovedir       = 0x800
)

// Flags of open(2) as NetBSD numbers them.
const (
	oRDONLY    = 0
	oWRONLY    = 1
	oRDWR      = 2
	oACCMODE   = 3
	oNONBLOCK  = 0x4
	oAPPEND    = 0x8
	oSHLOCK    = 0x10
	oEXLOCK    = 0x20
	oSYNC      = 0x80
	oNOFOLLOW  = 0x100
	oCREAT     = 0x200
	oTRUNC     = 0x400
	oEXCL      = 0x800
	oNOCTTY    = 0x8000
	oDSYNC     = 0x10000
	oRSYNC     = 0x20000
	oDIRECTORY = 0x200000
	oCLOEXEC   = 0x400000
	oSEARCH    = 0x800000
	oREGULAR   = 0x2000000
	oEXEC      = 0x4000000
)

// Limits of sys/syslimits.h. The host's file systems hold names of at most 255
// bytes, so that is what pathconf(2) says.
const (
	pathMax = 1024
	nameMax = 255
)
