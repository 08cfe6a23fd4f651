package file

import (
	"errors"

	"golang.org/x/sys/unix"

	"toaster/netbsd"
)

// fromLinux maps the Linux error numbers above 34; up to there both systems
// agree but for EAGAIN (11) and EDEADLK, which trade places.
var fromLinux = map[unix.Errno]netbsd.Errno{
	unix.EAGAIN:          netbsd.EAGAIN,
	unix.EDEADLK:         netbsd.EDEADLK,
	unix.ENAMETOOLONG:    netbsd.ENAMETOOLONG,
	unix.ENOLCK:          netbsd.ENOLCK,
	unix.ENOSYS:          netbsd.ENOSYS,
	unix.ENOTEMPTY:       netbsd.ENOTEMPTY,
	unix.ELOOP:           netbsd.ELOOP,
	unix.ENOMSG:          netbsd.ENOMSG,
	unix.EIDRM:           netbsd.EIDRM,
	unix.ENOSTR:          netbsd.ENOSTR,
	unix.ENODATA:         netbsd.ENOATTR, // an absent extended attribute
	unix.ETIME:           netbsd.ETIME,
	unix.ENOSR:           netbsd.ENOSR,
	unix.ENOLINK:         netbsd.ENOLINK,
	unix.EPROTO:          netbsd.EPROTO,
	unix.EMULTIHOP:       netbsd.EMULTIHOP,
	unix.EBADMSG:         netbsd.EBADMSG,
	unix.EOVERFLOW:       netbsd.EOVERFLOW,
	unix.EILSEQ:          netbsd.EILSEQ,
	unix.EUSERS:          netbsd.EUSERS,
	unix.ENOTSOCK:        netbsd.ENOTSOCK,
	unix.EDESTADDRREQ:    netbsd.EDESTADDRREQ,
	unix.EMSGSIZE:        netbsd.EMSGSIZE,
	unix.EPROTOTYPE:      netbsd.EPROTOTYPE,
	unix.ENOPROTOOPT:     netbsd.ENOPROTOOPT,
	unix.EPROTONOSUPPORT: netbsd.EPROTONOSUPPORT,
	unix.ESOCKTNOSUPPORT: netbsd.ESOCKTNOSUPPORT,
	unix.EOPNOTSUPP:      netbsd.EOPNOTSUPP,
	unix.EPFNOSUPPORT:    netbsd.EPFNOSUPPORT,
	unix.EAFNOSUPPORT:    netbsd.EAFNOSUPPORT,
	unix.EADDRINUSE:      netbsd.EADDRINUSE,
	unix.EADDRNOTAVAIL:   netbsd.EADDRNOTAVAIL,
	unix.ENETDOWN:        netbsd.ENETDOWN,
	unix.ENETUNREACH:     netbsd.ENETUNREACH,
	unix.ENETRESET:       netbsd.ENETRESET,
	unix.ECONNABORTED:    netbsd.ECONNABORTED,
	unix.ECONNRESET:      netbsd.ECONNRESET,
	unix.ENOBUFS:         netbsd.ENOBUFS,
	unix.EISCONN:         netbsd.EISCONN,
	unix.ENOTCONN:        netbsd.ENOTCONN,
	unix.ESHUTDOWN:       netbsd.ESHUTDOWN,
	unix.ETOOMANYREFS:    netbsd.ETOOMANYREFS,
	unix.ETIMEDOUT:       netbsd.ETIMEDOUT,
	unix.ECONNREFUSED:    netbsd.ECONNREFUSED,
	unix.EHOSTDOWN:       netbsd.EHOSTDOWN,
	unix.EHOSTUNREACH:    netbsd.EHOSTUNREACH,
	unix.EALREADY:        netbsd.EALREADY,
	unix.EINPROGRESS:     netbsd.EINPROGRESS,
	unix.ESTALE:          netbsd.ESTALE,
	unix.EDQUOT:          netbsd.EDQUOT,
	unix.ECANCELED:       netbsd.ECANCELED,
}

// Errno converts an error of a host call; nil gives 0, and a NetBSD
// error itself. What NetBSD has no number for is EIO.
func Errno(err error) netbsd.Errno {
	if err == nil {
		return 0
	}
	var own netbsd.Errno
	if errors.As(err, &own) {
		return own
	}
	var e unix.Errno
	if !errors.As(err, &e) {
		return netbsd.EIO
	}
	if n, ok := fromLinux[e]; ok {
		return n
	}
	if e <= unix.ERANGE {
		return netbsd.Errno(e)
	}
	return netbsd.EIO
}
