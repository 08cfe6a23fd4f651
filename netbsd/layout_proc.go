package netbsd

import "time"

// Sizes of process structures.
const (
	SizeofRusage           = 144
	SizeofWrusage          = 2 * SizeofRusage
	SizeofRlimit           = 16
	SizeofSpawnAttr        = 48
	SizeofSpawnFileActions = 16
	SizeofSpawnFileAction  = 24
)

// Encode fills the 144 bytes of struct rusage: two timevals, then 14 longs.
func (r *Rusage) Encode(b []byte) {
	TimevalOf(r.Utime).Encode(b)
	TimevalOf(r.Stime).Encode(b[16:])
	for i, v := range r.longs() {
		le.PutUint64(b[32+8*i:], uint64(*v))
	}
}

// DecodeRusage reads 144 bytes.
func DecodeRusage(b []byte) (r Rusage) {
	r.Utime = DecodeTimeval(b).Duration()
	r.Stime = DecodeTimeval(b[16:]).Duration()
	for i, v := range r.longs() {
		*v = int64(le.Uint64(b[32+8*i:]))
	}
	return r
}

func (r *Rusage) longs() [14]*int64 {
	return [...]*int64{&r.Maxrss, &r.Ixrss, &r.Idrss, &r.Isrss, &r.Minflt, &r.Majflt, &r.Nswap,
		&r.Inblock, &r.Oublock, &r.Msgsnd, &r.Msgrcv, &r.Nsignals, &r.Nvcsw, &r.Nivcsw}
}

// Wrusage is struct wrusage of wait6(2): the process's own usage and that of the
// children that it waited for.
type Wrusage struct{ Self, Children Rusage }

// Encode fills 288 bytes.
func (w *Wrusage) Encode(b []byte) { w.Self.Encode(b); w.Children.Encode(b[SizeofRusage:]) }

// DecodeWrusage reads 288 bytes.
func DecodeWrusage(b []byte) Wrusage {
	return Wrusage{DecodeRusage(b), DecodeRusage(b[SizeofRusage:])}
}

// Rlimit is struct rlimit; RLIM_INFINITY is the largest int64.
type Rlimit struct{ Cur, Max uint64 }

// Encode fills 16 bytes.
func (r Rlimit) Encode(b []byte) { le.PutUint64(b, r.Cur); le.PutUint64(b[8:], r.Max) }

// DecodeRlimit reads 16 bytes.
func DecodeRlimit(b []byte) Rlimit { return Rlimit{le.Uint64(b), le.Uint64(b[8:])} }

// SpawnAttr is struct posix_spawnattr: flags 0 (16 bits), pgroup 4, sched priority
// 8, policy 12, default signals 16, mask 32.
type SpawnAttr struct {
	Flags       int16
	Pgroup      int32
	Priority    int32
	Policy      int32
	DefaultSigs Sigset
	Mask        Sigset
}

// Encode fills 48 bytes.
func (a *SpawnAttr) Encode(b []byte) {
	le.PutUint32(b, uint32(uint16(a.Flags)))
	le.PutUint32(b[4:], uint32(a.Pgroup))
	le.PutUint32(b[8:], uint32(a.Priority))
	le.PutUint32(b[12:], uint32(a.Policy))
	PutSigset(b[16:], a.DefaultSigs)
	PutSigset(b[32:], a.Mask)
}

// DecodeSpawnAttr reads 48 bytes.
func DecodeSpawnAttr(b []byte) SpawnAttr {
	return SpawnAttr{
		Flags:       int16(le.Uint16(b)),
		Pgroup:      int32(le.Uint32(b[4:])),
		Priority:    int32(le.Uint32(b[8:])),
		Policy:      int32(le.Uint32(b[12:])),
		DefaultSigs: GetSigset(b[16:]),
		Mask:        GetSigset(b[32:]),
	}
}

// SpawnFileActions is struct posix_spawn_file_actions: Len elements at Addr, each
// of SizeofSpawnFileAction bytes.
type SpawnFileActions struct {
	Size, Len uint32
	Addr      uint64
}

// Encode fills 16 bytes.
func (a SpawnFileActions) Encode(b []byte) {
	le.PutUint32(b, a.Size)
	le.PutUint32(b[4:], a.Len)
	le.PutUint64(b[8:], a.Addr)
}

// DecodeSpawnFileActions reads 16 bytes.
func DecodeSpawnFileActions(b []byte) SpawnFileActions {
	return SpawnFileActions{le.Uint32(b), le.Uint32(b[4:]), le.Uint64(b[8:])}
}

// SpawnFileAction is one element: action 0, fd 4, and a union at 8 which is {path,
// oflag, mode} for FAE_OPEN, {new fd} for FAE_DUP2, {path} for FAE_CHDIR.
type SpawnFileAction struct {
	Action int32
	Fd     int32
	NewFd  int32
	Path   uint64 // guest address
	Oflag  int32
	Mode   uint32
}

// Encode fills 24 bytes.
func (a *SpawnFileAction) Encode(b []byte) {
	clear(b[:SizeofSpawnFileAction])
	le.PutUint32(b, uint32(a.Action))
	le.PutUint32(b[4:], uint32(a.Fd))
	switch a.Action {
	case FAE_OPEN:
		le.PutUint64(b[8:], a.Path)
		le.PutUint32(b[16:], uint32(a.Oflag))
		le.PutUint32(b[20:], a.Mode)
	case FAE_DUP2:
		le.PutUint32(b[8:], uint32(a.NewFd))
	case FAE_CHDIR:
		le.PutUint64(b[8:], a.Path)
	}
}

// DecodeSpawnFileAction reads 24 bytes.
func DecodeSpawnFileAction(b []byte) SpawnFileAction {
	a := SpawnFileAction{Action: int32(le.Uint32(b)), Fd: int32(le.Uint32(b[4:]))}
	switch a.Action {
	case FAE_OPEN:
		a.Path, a.Oflag, a.Mode = le.Uint64(b[8:]), int32(le.Uint32(b[16:])), le.Uint32(b[20:])
	case FAE_DUP2:
		a.NewFd = int32(le.Uint32(b[8:]))
	case FAE_CHDIR:
		a.Path = le.Uint64(b[8:])
	}
	return a
}

// clockHz is what clock_t counts in a second (kern.clockrate's hz).
const clockHz = 100

// ClockTicks converts a duration to clock_t.
func ClockTicks(d time.Duration) int64 { return int64(d / (time.Second / clockHz)) }
