package netbsd

// Requests of ioctl(2) on any descriptor.
const (
	FIOCLEX   = 0x20006601
	FIONCLEX  = 0x20006602
	FIONREAD  = 0x4004667f
	FIONBIO   = 0x8004667e
	FIOASYNC  = 0x8004667d
	FIOSETOWN = 0x8004667c
	FIOGETOWN = 0x4004667b
	FIONWRITE = 0x40046679
	FIONSPACE = 0x40046678
)

// Requests of ioctl(2) on random devices (rnd(4)).
const RNDGETENTCNT = 0x40045265

// Requests of ioctl(2) on terminals (tty(4), ptm(4)).
const (
	TIOCEXCL           = 0x2000740d
	TIOCNXCL           = 0x2000740e
	TIOCFLUSH          = 0x80047410
	TIOCGETA           = 0x402c7413
	TIOCSETA           = 0x802c7414
	TIOCSETAW          = 0x802c7415
	TIOCSETAF          = 0x802c7416
	TIOCGETD           = 0x4004741a
	TIOCSETD           = 0x8004741b
	TIOCGLINED         = 0x40207442
	TIOCSLINED         = 0x80207443
	TIOCSBRK           = 0x2000747b
	TIOCCBRK           = 0x2000747a
	TIOCSDTR           = 0x20007479
	TIOCCDTR           = 0x20007478
	TIOCGPGRP          = 0x40047477
	TIOCSPGRP          = 0x80047476
	TIOCOUTQ           = 0x40047473
	TIOCSTI            = 0x80017472
	TIOCNOTTY          = 0x20007471
	TIOCPKT            = 0x80047470
	TIOCSTOP           = 0x2000746f
	TIOCSTART          = 0x2000746e
	TIOCMSET           = 0x8004746d
	TIOCMBIS           = 0x8004746c
	TIOCMBIC           = 0x8004746b
	TIOCMGET           = 0x4004746a
	TIOCREMOTE         = 0x80047469
	TIOCGWINSZ         = 0x40087468
	TIOCSWINSZ         = 0x80087467
	TIOCUCNTL          = 0x80047466
	TIOCSTAT           = 0x80047465
	TIOCGSID           = 0x40047463
	TIOCCONS           = 0x80047462
	TIOCSCTTY          = 0x20007461
	TIOCEXT            = 0x80047460
	TIOCSIG            = 0x2000745f
	TIOCDRAIN          = 0x2000745e
	TIOCGFLAGS         = 0x4004745d
	TIOCSFLAGS         = 0x8004745c
	TIOCPTMGET         = 0x48087446
	TIOCGRANTPT        = 0x20007447
	TIOCPTSNAME        = 0x48087448
	COMPAT_TIOCPTMGET  = 0x40287446
	COMPAT_TIOCPTSNAME = 0x40287448
	TIOCGQSIZE         = 0x40047481
	TIOCSQSIZE         = 0x80047480
)

// Requests of ioctl(2) on sockets.
const (
	SIOCATMARK     = 0x40047307
	SIOCSPGRP      = 0x80047308
	SIOCGPGRP      = 0x40047309
	SIOCGIFCONF    = 0xc0106926
	SIOCGIFFLAGS   = 0xc0906911
	SIOCGIFADDR    = 0xc0906921
	SIOCGIFNETMASK = 0xc0906925
	SIOCGIFBRDADDR = 0xc0906923
	SIOCGIFDSTADDR = 0xc0906922
	SIOCGIFMTU     = 0xc090697e
	SIOCGIFMETRIC  = 0xc0906917
	SIOCGIFDATA    = 0xc0986985
	SIOCGIFCAP     = 0xc0206976
	SIOCGIFDLT     = 0xc0906977
	SIOCGIFINDEX   = 0xc090698c
	// Since IPv6 has another size, these are numbers of their own.
	SIOCGIFAFLAG_IN      = 0xc0906927
	SIOCGIFADDR_IN6      = 0xc1206921
	SIOCGIFDSTADDR_IN6   = 0xc1206922
	SIOCGIFNETMASK_IN6   = 0xc1206925
	SIOCGIFAFLAG_IN6     = 0xc1206949
	SIOCGIFALIFETIME_IN6 = 0xc120696a
	SIOCGLIFADDR         = 0xc118691d
	SIOCGIFADDRPREF      = 0xc0986920
)

// Bits of c_iflag (termios(4)).
const (
	IGNBRK  = 1
	BRKINT  = 2
	IGNPAR  = 4
	PARMRK  = 8
	INPCK   = 0x10
	ISTRIP  = 0x20
	INLCR   = 0x40
	IGNCR   = 0x80
	ICRNL   = 0x100
	IXON    = 0x200
	IXOFF   = 0x400
	IXANY   = 0x800
	IMAXBEL = 0x2000
)

// Bits of c_oflag.
const (
	OPOST  = 1
	ONLCR  = 2
	OXTABS = 4
	ONOEOT = 8
	OCRNL  = 0x10
	ONOCR  = 0x20
	ONLRET = 0x40
)

// Bits of c_cflag.
const (
	CSIZE   = 0x300
	CS5     = 0
	CS6     = 0x100
	CS7     = 0x200
	CS8     = 0x300
	CSTOPB  = 0x400
	CREAD   = 0x800
	PARENB  = 0x1000
	PARODD  = 0x2000
	HUPCL   = 0x4000
	CLOCAL  = 0x8000
	CRTSCTS = 0x10000
)

// Bits of c_lflag.
const (
	ECHOKE     = 1
	ECHOE      = 2
	ECHOK      = 4
	ECHO       = 8
	ECHONL     = 0x10
	ECHOPRT    = 0x20
	ECHOCTL    = 0x40
	ISIG       = 0x80
	ICANON     = 0x100
	ALTWERASE  = 0x200
	IEXTEN     = 0x400
	EXTPROC    = 0x800
	TOSTOP     = 0x400000
	FLUSHO     = 0x800000
	NOKERNINFO = 0x2000000
	PENDIN     = 0x20000000
	NOFLSH     = 0x80000000
)

// Indexes of c_cc.
const (
	VEOF     = 0
	VEOL     = 1
	VEOL2    = 2
	VERASE   = 3
	VWERASE  = 4
	VKILL    = 5
	VREPRINT = 6
	VINTR    = 8
	VQUIT    = 9
	VSUSP    = 10
	VDSUSP   = 11
	VSTART   = 12
	VSTOP    = 13
	VLNEXT   = 14
	VDISCARD = 15
	VMIN     = 16
	VTIME    = 17
	VSTATUS  = 18
	NCCS     = 20
	VDISABLE = 0xff
)

// Modem lines, packet-mode bits and sides of TIOCFLUSH.
const (
	TIOCM_LE           = 1
	TIOCM_DTR          = 2
	TIOCM_RTS          = 4
	TIOCM_CTS          = 0x20
	TIOCM_CAR          = 0x40
	TIOCM_RNG          = 0x80
	TIOCM_DSR          = 0x100
	TIOCPKT_DATA       = 0
	TIOCPKT_FLUSHREAD  = 1
	TIOCPKT_FLUSHWRITE = 2
	TIOCPKT_STOP       = 4
	TIOCPKT_START      = 8
	TIOCPKT_NOSTOP     = 0x10
	TIOCPKT_DOSTOP     = 0x20
	TIOCPKT_IOCTL      = 0x40
	FREAD              = 1
	FWRITE             = 2
)
