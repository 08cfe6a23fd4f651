package netbsd

import "time"

// Sizes of what sysctl(3) tells of processes (sys/sysctl.h, amd64).
const (
	SizeofKinfoProc2   = 680
	SizeofKinfoVmentry = 1128
	SizeofKinfoLWP     = 128
	SizeofKinfoFile    = 120
	SizeofKinfoDrivers = 32
)

// KinfoProc2 is struct kinfo_proc2: process, as ps(1) sees it. Addresses in the kernel are 0, but for those that have a
// field here, which are for who may see them (COND_SET_VALUE of fill_kproc2).
type KinfoProc2 struct {
	Addr     uint64 // p_paddr
	FD, Cwdi uint64 // p_fd, p_cwdi
	Wchan    uint64 // what it sleeps on, 0 if it does not sleep

	Eflag, ExitSig, Flag           int32
	Pid, Ppid, Sid, Pgid, Tpgid    int32
	UID, RUID, GID, RGID           uint32
	SvUID, SvGID                   uint32
	Groups                         []uint32 // 16 are shown
	Jobc                           int16
	Tdev                           uint32
	Siglist, Mask, Ignored, Caught Sigset
	Stat, RealStat                 int8 // LS* of its most active LWP, and S*
	Priority, UserPriority, Nice   uint8
	Status                         uint16 // p_xstat
	Acct                           uint16
	Comm, Wmesg, Login, Emul       string

	Resident, Text, Data, Stack int64 // in pages
	Size, Mapped                int64 // p_vm_vsize, p_vm_msize

	Valid       bool // what follows is: not of a zombie
	Start       time.Time
	Real        time.Duration // processor time, in all
	Usage       Rusage
	Children    time.Duration // user and system time of those waited for
	CPU         uint64
	NLWPs, NRun uint64
}

// Encode fills 680 bytes.
func (k *KinfoProc2) Encode(b []byte) {
	clear(b[:SizeofKinfoProc2])
	le.PutUint64(b[16:], k.Addr)
	le.PutUint64(b[32:], k.FD)
	le.PutUint64(b[40:], k.Cwdi)
	for i, v := range [...]int32{k.Eflag, k.ExitSig, k.Flag, k.Pid, k.Ppid, k.Sid, k.Pgid, k.Tpgid} {
		le.PutUint32(b[104+4*i:], uint32(v))
	}
	for i, v := range [...]uint32{k.UID, k.RUID, k.GID, k.RGID} {
		le.PutUint32(b[136+4*i:], v)
	}
	for i, g := range k.Groups[:min(len(k.Groups), 16)] {
		le.PutUint32(b[152+4*i:], g)
	}
	le.PutUint16(b[216:], uint16(len(k.Groups)))
	le.PutUint16(b[218:], uint16(k.Jobc))
	le.PutUint32(b[220:], k.Tdev)
	putTime32(b[228:], k.Real)
	for i, s := range [...]Sigset{k.Siglist, k.Mask, k.Ignored, k.Caught} {
		le.PutUint64(b[296+16*i:], uint64(s))
	}
	b[360], b[361], b[362], b[363] = byte(k.Stat), k.Priority, k.UserPriority, k.Nice
	le.PutUint16(b[364:], k.Status)
	le.PutUint16(b[366:], k.Acct)
	putStr(b[368:392], k.Comm)
	putStr(b[392:400], k.Wmesg)
	le.PutUint64(b[400:], k.Wchan)
	putStr(b[408:432], k.Login)
	k.encodeSizes(b)
	k.encodeUsage(b)
}

func (k *KinfoProc2) encodeSizes(b []byte) {
	for i, v := range [...]int64{k.Resident, k.Text, k.Data, k.Stack} {
		le.PutUint32(b[432+4*i:], uint32(v))
	}
	le.PutUint64(b[600:], k.CPU)
	le.PutUint64(b[608:], uint64(uint32(k.Flag)))
	le.PutUint64(b[616:], k.NLWPs)
	le.PutUint64(b[624:], k.NRun)
	le.PutUint64(b[632:], uint64(k.RealStat))
	le.PutUint32(b[640:], k.SvUID)
	le.PutUint32(b[644:], k.SvGID)
	putStr(b[648:664], k.Emul)
	le.PutUint64(b[664:], uint64(k.Size))
	le.PutUint64(b[672:], uint64(k.Mapped))
}

// encodeUsage stores what is valid of the living alone.
func (k *KinfoProc2) encodeUsage(b []byte) {
	if !k.Valid {
		return
	}
	le.PutUint64(b[448:], 1)
	u := &k.Usage
	putTime32(b[456:], time.Duration(k.Start.UnixNano()))
	putTime32(b[464:], u.Utime)
	putTime32(b[472:], u.Stime)
	for i, v := range [...]int64{u.Maxrss, u.Ixrss, u.Idrss, u.Isrss, u.Minflt, u.Majflt, u.Nswap,
		u.Inblock, u.Oublock, u.Msgsnd, u.Msgrcv, u.Nsignals, u.Nvcsw, u.Nivcsw} {
		le.PutUint64(b[480+8*i:], uint64(v))
	}
	putTime32(b[592:], k.Children)
}

// putTime32 stores seconds and microseconds, 32 bits each.
func putTime32(b []byte, d time.Duration) {
	le.PutUint32(b, uint32(d/time.Second))
	le.PutUint32(b[4:], uint32(d%time.Second/time.Microsecond))
}

// KinfoLWP is struct kinfo_lwp.
type KinfoLWP struct {
	Addr     uint64 // l_laddr
	ID, Flag int32

	Priority, UserPriority uint8

	Stat  int8 // LS*
	Wmesg string
	CPU   uint64
	Real  time.Duration
	Pid   int32
	Name  string
}

// Encode fills 128 bytes.
func (k *KinfoLWP) Encode(b []byte) {
	clear(b[:SizeofKinfoLWP])
	le.PutUint64(b[16:], k.Addr)
	le.PutUint32(b[32:], uint32(k.ID))
	le.PutUint32(b[36:], uint32(k.Flag))
	b[56], b[57], b[58] = k.Priority, k.UserPriority, byte(k.Stat)
	putStr(b[64:72], k.Wmesg)
	le.PutUint64(b[80:], k.CPU)
	putTime32(b[88:], k.Real)
	le.PutUint32(b[104:], uint32(k.Pid))
	putStr(b[108:128], k.Name)
}

// KinfoFile is struct kinfo_file: an open file, and the descriptor that it was found by.
type KinfoFile struct {
	Addr     uint64 // of the open file
	Flag     uint32 // FREAD, FWRITE and status flags
	Type     uint32 // DTYPE_*
	Count    uint32
	UID, GID uint32
	Ops      uint64
	Offset   int64
	Data     uint64
	Size     int64
	Vtype    uint32 // V*
	Vtag     uint32 // VT_*
	Pid, FD  int32
	FDFlags  uint32 // ki_ofileflags: FD_*
}

// Encode fills 120 bytes.
func (k *KinfoFile) Encode(b []byte) {
	clear(b[:SizeofKinfoFile])
	le.PutUint64(b, k.Addr)
	le.PutUint32(b[8:], k.Flag)
	le.PutUint32(b[16:], k.Type)
	le.PutUint32(b[20:], k.Count)
	le.PutUint32(b[40:], k.UID)
	le.PutUint32(b[44:], k.GID)
	le.PutUint64(b[48:], k.Ops)
	le.PutUint64(b[56:], uint64(k.Offset))
	le.PutUint64(b[64:], k.Data)
	le.PutUint64(b[80:], uint64(k.Size))
	le.PutUint32(b[88:], k.Vtype)
	le.PutUint32(b[92:], k.Vtag)
	le.PutUint32(b[104:], uint32(k.Pid))
	le.PutUint32(b[108:], uint32(k.FD))
	le.PutUint32(b[112:], k.FDFlags)
}

// SizeofKinfoPcb is sizeof(struct kinfo_pcb).
const SizeofKinfoPcb = 640

// KinfoPcb is struct kinfo_pcb (sys/socket.h): a socket, as net.inet.tcp.pcblist and its like tell of it. Src and
// Dst are struct sockaddr.
type KinfoPcb struct {
	Addr, Ppcb, Socket  uint64 // Ppcb is that of TCP
	Family, Type, Proto uint32
	State, ProtoState   uint32 // SS_*, INP_*
	TCPState            int32  // TCPS_*
	RecvQ, SendQ        uint64
	Src, Dst            []byte
	Conn                uint64 // the peer of a local socket
}

// Encode fills 640 bytes.
func (k *KinfoPcb) Encode(b []byte) {
	clear(b[:SizeofKinfoPcb])
	le.PutUint64(b, k.Addr)
	le.PutUint64(b[8:], k.Ppcb)
	le.PutUint64(b[16:], k.Socket)
	le.PutUint32(b[24:], k.Family)
	le.PutUint32(b[28:], k.Type)
	le.PutUint32(b[32:], k.Proto)
	le.PutUint32(b[40:], k.State)
	le.PutUint32(b[44:], k.ProtoState)
	le.PutUint32(b[48:], uint32(k.TCPState))
	le.PutUint64(b[56:], k.RecvQ)
	le.PutUint64(b[64:], k.SendQ)
	copy(b[72:336], k.Src)
	copy(b[336:600], k.Dst)
	le.PutUint64(b[616:], k.Conn)
}
