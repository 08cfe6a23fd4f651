package netbsd

import (
	"encoding/binary"
	"sync"
	"time"
)

// This file and its layout_* neighbours turn structures of the ABI into bytes and
// back. Each structure has a size constant, Encode(b), which fills exactly that many
// bytes (padding is zeroed, so that nothing of the kernel's leaks to the guest), and a
// Decode function. Both panic when b is shorter: callers allocate by the constant.

var le = binary.LittleEndian

// Sizes of structures that are not Go types here.
const (
	SizeofInt      = 4
	SizeofLong     = 8
	SizeofPtr      = 8
	SizeofSocklen  = 4
	SizeofSigset   = 16
	SizeofTimezone = 8
)

var layoutSizes = sync.OnceValue(func() map[string]int {
	return map[string]int{
		"int": SizeofInt, "uint": SizeofInt, "ptr": SizeofPtr, "size": SizeofLong, "socklen": SizeofSocklen,
		"wstatus": SizeofInt, "sigset": SizeofSigset, "timezone": SizeofTimezone, "uuid": 16,
		"schedparam": 4, "sockaddr": 1, "dirents": 1, "fdset": 4,
		"timespec": SizeofTimespec, "timeval": SizeofTimeval,
		"itimerval": SizeofItimerval, "itimerspec": SizeofItimerspec,
		"timespec50": SizeofTimespec50, "itimerspec50": SizeofItimerspec50,
		"rusage": SizeofRusage, "wrusage": SizeofWrusage, "siginfo": SizeofSiginfo,
		"sigaction": SizeofSigaction, "stack": SizeofStack, "ucontext": SizeofUcontext,
		"sigevent": SizeofSigevent, "rlimit": SizeofRlimit, "stat": SizeofStat,
		"statvfs": SizeofStatvfs, "statvfs90": SizeofStatvfs90, "kevent": SizeofKevent, "keventext": SizeofKeventExt, "epoll": SizeofEpoll,
		"pollfd": SizeofPollfd, "iovec": SizeofIovec, "msghdr": SizeofMsghdr, "mmsghdr": SizeofMmsghdr,
		"spawnfa": SizeofSpawnFileActions, "spawnattr": SizeofSpawnAttr,
	}
})

// LayoutSize returns the size of the structure that the table of system calls names:
// of one element where it is an array, 1 for those whose length goes with them; 0
// for a name that there isn't.
func LayoutSize(name string) int { return layoutSizes()[name] }

// PutSigset writes a 16-byte sigset_t.
func PutSigset(b []byte, s Sigset) {
	le.PutUint64(b, uint64(s))
	le.PutUint64(b[8:], 0)
}

// GetSigset reads a 16-byte sigset_t; bits above signal 63 are dropped.
func GetSigset(b []byte) Sigset { return Sigset(le.Uint64(b)) & AllSignals }

// Sizes of the time structures.
const (
	SizeofTimespec   = 16
	SizeofTimeval    = 16
	SizeofItimerval  = 2 * SizeofTimeval
	SizeofItimerspec = 2 * SizeofTimespec
)

// Timespec is struct timespec.
type Timespec struct {
	Sec  int64
	Nsec int64
}

// Encode fills 16 bytes.
func (t Timespec) Encode(b []byte) {
	le.PutUint64(b, uint64(t.Sec))
	le.PutUint64(b[8:], uint64(t.Nsec))
}

// DecodeTimespec reads 16 bytes.
func DecodeTimespec(b []byte) Timespec {
	return Timespec{int64(le.Uint64(b)), int64(le.Uint64(b[8:]))}
}

// Valid reports what itimespecfix asks: no negative seconds, nanoseconds in range.
func (t Timespec) Valid() bool { return t.Sec >= 0 && t.Nsec >= 0 && t.Nsec < 1e9 }

// Duration converts, holding to the largest duration there is.
func (t Timespec) Duration() time.Duration { return duration(t.Sec, t.Nsec) }

// Time converts from seconds since the epoch.
func (t Timespec) Time() time.Time { return time.Unix(t.Sec, t.Nsec) }

// TimespecOf converts from a duration.
func TimespecOf(d time.Duration) Timespec { s, n := split(d); return Timespec{s, n} }

// TimespecAt converts from a point in time.
func TimespecAt(t time.Time) Timespec { return Timespec{t.Unix(), int64(t.Nanosecond())} }

// Timeval is struct timeval: 64-bit seconds, 32-bit microseconds, 4 bytes padding.
type Timeval struct {
	Sec  int64
	Usec int32
}

// Encode fills 16 bytes.
func (t Timeval) Encode(b []byte) {
	le.PutUint64(b, uint64(t.Sec))
	le.PutUint64(b[8:], uint64(uint32(t.Usec)))
}

// DecodeTimeval reads 16 bytes.
func DecodeTimeval(b []byte) Timeval {
	return Timeval{int64(le.Uint64(b)), int32(le.Uint32(b[8:]))}
}

// Valid reports whether seconds and microseconds are in range.
func (t Timeval) Valid() bool { return t.Sec >= 0 && t.Usec >= 0 && t.Usec < 1e6 }

// Duration converts, holding to the largest duration there is.
func (t Timeval) Duration() time.Duration { return duration(t.Sec, int64(t.Usec)*1000) }

// TimevalOf converts from a duration, downwards.
func TimevalOf(d time.Duration) Timeval { s, n := split(d); return Timeval{s, int32(n / 1000)} }

// TimevalAt converts from a point in time.
func TimevalAt(t time.Time) Timeval { return Timeval{t.Unix(), int32(t.Nanosecond() / 1000)} }

// Itimerval is struct itimerval.
type Itimerval struct{ Interval, Value Timeval }

// Encode fills 32 bytes.
func (t Itimerval) Encode(b []byte) { t.Interval.Encode(b); t.Value.Encode(b[16:]) }

// DecodeItimerval reads 32 bytes.
func DecodeItimerval(b []byte) Itimerval {
	return Itimerval{DecodeTimeval(b), DecodeTimeval(b[16:])}
}

// Itimerspec is struct itimerspec.
type Itimerspec struct{ Interval, Value Timespec }

// Encode fills 32 bytes.
func (t Itimerspec) Encode(b []byte) { t.Interval.Encode(b); t.Value.Encode(b[16:]) }

// DecodeItimerspec reads 32 bytes.
func DecodeItimerspec(b []byte) Itimerspec {
	return Itimerspec{DecodeTimespec(b), DecodeTimespec(b[16:])}
}

const maxSeconds = int64(1<<63-1) / 1e9

func duration(sec, nsec int64) time.Duration {
	switch {
	case sec >= maxSeconds:
		return 1<<63 - 1
	case sec <= -maxSeconds:
		return -1 << 63
	}
	return time.Duration(sec)*time.Second + time.Duration(nsec)
}

// split keeps the nanoseconds non-negative, as timespecs of the past have them.
func split(d time.Duration) (sec, nsec int64) {
	sec, nsec = int64(d/time.Second), int64(d%time.Second)
	if nsec < 0 {
		sec, nsec = sec-1, nsec+1e9
	}
	return sec, nsec
}

// field reads a fixed field, whose last byte is a zero whatever it says.
func field(b []byte) string { return cstr(b[:len(b)-1]) }

// cstr reads up to the first zero byte, or the end.
func cstr(b []byte) string {
	for i, c := range b {
		if c == 0 {
			return string(b[:i])
		}
	}
	return string(b)
}

// putStr fills a fixed field, always leaving a zero byte at its end.
func putStr(b []byte, s string) {
	clear(b)
	copy(b[:len(b)-1], s)
}
