package netbsd

// This file has the structures of System V IPC (sys/ipc.h, sys/sem.h, sys/msg.h, sys/shm.h),
// in the forms that the calls of several releases take (compat/sys), and in those of
// kern.ipc.sysvipc_info. Pointers into the kernel, which NetBSD tells, are 0 here.

// IPCForm says whose structures a call takes.
type IPCForm uint8

// Forms.
const (
	IPC50 IPCForm = iota // today's: times have 64 bits
	IPC13                // of NetBSD 1.4 to 5: times have 32 bits
	IPC14                // before: ids have 16 bits, too
)

// IPCPerm is struct ipc_perm.
type IPCPerm struct {
	UID, GID, CUID, CGID uint32
	Mode                 uint32
	Seq                  uint16
	Key                  int64
}

// encode stores struct ipc_perm, of 32 bytes, or struct ipc_perm14, of 24:
//
//	uid 0, gid 4, cuid 8, cgid 12, mode 16, seq 20, key 24
//	cuid 0, cgid 2, uid 4, gid 6, mode 8, seq 10, key 16
func (p *IPCPerm) encode(b []byte, f IPCForm) {
	if f == IPC14 {
		for i, v := range [...]uint32{p.CUID, p.CGID, p.UID, p.GID, p.Mode, uint32(p.Seq)} {
			le.PutUint16(b[2*i:], uint16(v))
		}
		le.PutUint64(b[16:], uint64(p.Key))
		return
	}
	for i, v := range [...]uint32{p.UID, p.GID, p.CUID, p.CGID, p.Mode, uint32(p.Seq)} {
		le.PutUint32(b[4*i:], v)
	}
	le.PutUint64(b[24:], uint64(p.Key))
}

// encodeInfo stores struct ipc_perm_sysctl, of 32 bytes:
//
//	key 0, uid 8, gid 12, cuid 16, cgid 20, mode 24, seq 28
func (p *IPCPerm) encodeInfo(b []byte) {
	le.PutUint64(b, uint64(p.Key))
	for i, v := range [...]uint32{p.UID, p.GID, p.CUID, p.CGID, p.Mode, uint32(p.Seq)} {
		le.PutUint32(b[8+4*i:], v)
	}
}

// decodeIPCPerm reads what IPC_SET takes of it: who owns it, and the mode.
func decodeIPCPerm(b []byte, f IPCForm) IPCPerm {
	if f == IPC14 {
		return IPCPerm{UID: uint32(le.Uint16(b[4:])), GID: uint32(le.Uint16(b[6:])), Mode: uint32(le.Uint16(b[8:]))}
	}
	return IPCPerm{UID: le.Uint32(b), GID: le.Uint32(b[4:]), Mode: le.Uint32(b[16:])}
}

// putTimes stores times at offsets: of 64 bits in today's form, of 32 before.
func (f IPCForm) putTimes(b []byte, at [3]int, t ...int64) {
	for i, v := range t {
		if f == IPC50 {
			le.PutUint64(b[at[i]:], uint64(v))
		} else {
			le.PutUint32(b[at[i]:], uint32(v))
		}
	}
}

// SemidDS is struct semid_ds.
type SemidDS struct {
	Perm         IPCPerm
	Nsems        uint16
	Otime, Ctime int64
}

// Size returns the size of the structure in form f.
func (SemidDS) Size(f IPCForm) int { return [...]int{64, 56, 96}[f] }

// Encode stores the structure, of Size bytes, in form f:
//
//	perm 0, nsems 32, otime 40, ctime 48, base 56
//	perm 0, nsems 32, otime 36, ctime 40, base 48
//	perm 0, base 24, nsems 32, otime 36, ctime 48, the rest padding
func (d SemidDS) Encode(b []byte, f IPCForm) {
	clear(b[:d.Size(f)])
	d.Perm.encode(b, f)
	le.PutUint16(b[32:], d.Nsems)
	f.putTimes(b, [...][3]int{{40, 48}, {36, 40}, {36, 48}}[f], d.Otime, d.Ctime)
}

// DecodeSemidDS reads what IPC_SET of semctl(2) takes.
func DecodeSemidDS(b []byte, f IPCForm) SemidDS { return SemidDS{Perm: decodeIPCPerm(b, f)} }

// InfoSize returns the size of struct semid_ds_sysctl; f is IPC50 or IPC13.
func (SemidDS) InfoSize(f IPCForm) int { return [...]int{56, 48}[f] }

// EncodeInfo stores it: perm 0, nsems 32, otime 40, ctime 48 or 44.
func (d SemidDS) EncodeInfo(b []byte, f IPCForm) {
	d.Perm.encodeInfo(b)
	le.PutUint16(b[32:], d.Nsems)
	f.putTimes(b, [...][3]int{{40, 48}, {40, 44}}[f], d.Otime, d.Ctime)
}

// MsqidDS is struct msqid_ds.
type MsqidDS struct {
	Perm                 IPCPerm
	Qnum, Qbytes, Cbytes uint64
	Lspid, Lrpid         int32
	Stime, Rtime, Ctime  int64
}

// Size returns the size of the structure in form f.
func (MsqidDS) Size(f IPCForm) int { return [...]int{104, 96, 152}[f] }

// Encode stores the structure, of Size bytes, in form f:
//
//	perm 0, qnum 32, qbytes 40, lspid 48, lrpid 52, stime 56, rtime 64, ctime 72, first 80, last 88, cbytes 96
//	perm 0, qnum 32, qbytes 40, lspid 48, lrpid 52, stime 56, rtime 60, ctime 64, first 72, last 80, cbytes 88
//	perm 0, first 24, last 32, cbytes 40, qnum 48, qbytes 56, lspid 64, lrpid 68, stime 72, rtime 88, ctime 104
func (d MsqidDS) Encode(b []byte, f IPCForm) {
	clear(b[:d.Size(f)])
	d.Perm.encode(b, f)
	at := [...]int{32, 32, 48}[f]
	le.PutUint64(b[at:], d.Qnum)
	le.PutUint64(b[at+8:], d.Qbytes)
	le.PutUint32(b[at+16:], uint32(d.Lspid))
	le.PutUint32(b[at+20:], uint32(d.Lrpid))
	le.PutUint64(b[[...]int{96, 88, 40}[f]:], d.Cbytes)
	f.putTimes(b, [...][3]int{{56, 64, 72}, {56, 60, 64}, {72, 88, 104}}[f], d.Stime, d.Rtime, d.Ctime)
}

// DecodeMsqidDS reads what IPC_SET of msgctl(2) takes.
func DecodeMsqidDS(b []byte, f IPCForm) MsqidDS {
	return MsqidDS{Perm: decodeIPCPerm(b, f), Qbytes: le.Uint64(b[[...]int{40, 40, 56}[f]:])}
}

// InfoSize returns the size of struct msgid_ds_sysctl; f is IPC50 or IPC13.
func (MsqidDS) InfoSize(f IPCForm) int { return [...]int{96, 80}[f] }

// EncodeInfo stores it:
//
//	perm 0, qnum 32, qbytes 40, cbytes 48, lspid 56, lrpid 60, stime 64, rtime 72 or 68, ctime 80 or 72
func (d MsqidDS) EncodeInfo(b []byte, f IPCForm) {
	d.Perm.encodeInfo(b)
	le.PutUint64(b[32:], d.Qnum)
	le.PutUint64(b[40:], d.Qbytes)
	le.PutUint64(b[48:], d.Cbytes)
	le.PutUint32(b[56:], uint32(d.Lspid))
	le.PutUint32(b[60:], uint32(d.Lrpid))
	f.putTimes(b, [...][3]int{{64, 72, 80}, {64, 68, 72}}[f], d.Stime, d.Rtime, d.Ctime)
}

// ShmidDS is struct shmid_ds.
type ShmidDS struct {
	Perm                IPCPerm
	Segsz               uint64
	Lpid, Cpid          int32
	Nattch              uint32
	Atime, Dtime, Ctime int64
}

// Size returns the size of the structure in form f.
func (ShmidDS) Size(f IPCForm) int { return [...]int{88, 72, 64}[f] }

// Encode stores the structure, of Size bytes, in form f:
//
//	perm 0, segsz 32, lpid 40, cpid 44, nattch 48, atime 56, dtime 64, ctime 72, internal 80
//	perm 0, segsz 32, lpid 40, cpid 44, nattch 48, atime 52, dtime 56, ctime 60, internal 64
//	perm 0, segsz 24 (an int), lpid 28, cpid 32, nattch 36 (a short), atime 40, dtime 44, ctime 48, internal 56
func (d ShmidDS) Encode(b []byte, f IPCForm) {
	clear(b[:d.Size(f)])
	d.Perm.encode(b, f)
	at := 40
	if f == IPC14 {
		le.PutUint32(b[24:], uint32(d.Segsz))
		le.PutUint16(b[36:], uint16(d.Nattch))
		at = 28
	} else {
		le.PutUint64(b[32:], d.Segsz)
		le.PutUint32(b[48:], d.Nattch)
	}
	le.PutUint32(b[at:], uint32(d.Lpid))
	le.PutUint32(b[at+4:], uint32(d.Cpid))
	f.putTimes(b, [...][3]int{{56, 64, 72}, {52, 56, 60}, {40, 44, 48}}[f], d.Atime, d.Dtime, d.Ctime)
}

// DecodeShmidDS reads what IPC_SET of shmctl(2) takes.
func DecodeShmidDS(b []byte, f IPCForm) ShmidDS { return ShmidDS{Perm: decodeIPCPerm(b, f)} }

// InfoSize returns the size of struct shmid_ds_sysctl; f is IPC50 or IPC13.
func (ShmidDS) InfoSize(f IPCForm) int { return [...]int{80, 64}[f] }

// EncodeInfo stores it:
//
//	perm 0, segsz 32, lpid 40, cpid 44, atime 48, dtime 56 or 52, ctime 64 or 56, nattch 72 or 60
func (d ShmidDS) EncodeInfo(b []byte, f IPCForm) {
	d.Perm.encodeInfo(b)
	le.PutUint64(b[32:], d.Segsz)
	le.PutUint32(b[40:], uint32(d.Lpid))
	le.PutUint32(b[44:], uint32(d.Cpid))
	f.putTimes(b, [...][3]int{{48, 56, 64}, {48, 52, 56}}[f], d.Atime, d.Dtime, d.Ctime)
	le.PutUint32(b[[...]int{72, 60}[f]:], d.Nattch)
}

// Sembuf is struct sembuf: an operation on one semaphore of a set.
type Sembuf struct {
	Num       uint16
	Op, Flags int16
}

// SizeofSembuf is the size of struct sembuf.
const SizeofSembuf = 6

// DecodeSembuf reads struct sembuf: num 0, op 2, flags 4.
func DecodeSembuf(b []byte) Sembuf {
	return Sembuf{Num: le.Uint16(b), Op: int16(le.Uint16(b[2:])), Flags: int16(le.Uint16(b[4:]))}
}
