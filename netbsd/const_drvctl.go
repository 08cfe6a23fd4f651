package netbsd

// Requests of drvctl(4) (sys/drvctlio.h).
const (
	DRVDETACHDEV  = 0x8010447b
	DRVRESCANBUS  = 0x8030447c
	DRVCTLCOMMAND = 0xc010447d
	DRVRESUMEDEV  = 0x8014447e
	DRVLISTDEV    = 0xc020447f
	DRVGETEVENT   = 0x40104480
	DRVSUSPENDDEV = 0x80144481
)

// Requests of ksyms(4) (sys/ksyms.h); those with O are of before NetBSD 8.
const (
	OKIOCGSYMBOL = 0x80106c01
	OKIOCGVALUE  = 0x80106c02
	KIOCGSIZE    = 0x40046c03
	KIOCGVALUE   = 0xc0106c04
	KIOCGSYMBOL  = 0xc0206c05
)
