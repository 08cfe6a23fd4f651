package kern

import (
	"encoding/binary"
	"time"

	"toaster/netbsd"
)

// AcctRecord is what acct(5) records of a process that ends: its own usage, without that of the children that
// it has waited for, who have records of their own. It is made before the exit status is stored, for which
// acct(5) has no room.
type AcctRecord struct {
	Comm         string
	Utime, Stime time.Duration
	Etime        time.Duration // elapsed
	Btime        time.Time     // when it began
	UID, GID     uint32        // real ones
	Mem          int64         // average memory, KiB
	IO           int64         // blocks in and out
	TTY          *TTY          // controlling terminal, nil if none
	Flag         uint8
	Pid          int // not in acct(5)
}

// SetAcct turns accounting on (acct(2)): f gets a record of each process that ends, on the dying LWP's
// goroutine; its error is ignored (item 28). nil turns it off. f may be called once more after that, by an
// exit that has read it before, and by several exits at the same time.
func (m *Machine) SetAcct(f func(AcctRecord) error) {
	m.lock()
	m.acct = f
	m.unlock()
}

// compT encodes a duration as acct(5)'s comp_t: 1/64 s with a 13-bit fraction and a
// 3-bit exponent of 8.
func compT(d time.Duration) uint16 {
	v := uint64(max(d, 0)) * 64 / uint64(time.Second)
	return compNum(v)
}

// compNum rounds as encode_comp_t of kern_acct.c does: the last bit that is shifted out
// decides. What is too large is the largest number there is.
func compNum(v uint64) uint16 {
	exp, round := uint64(0), false
	for v >= 1<<13 {
		exp++
		round = v&4 != 0
		v >>= 3
	}
	if round {
		v++
		if v >= 1<<13 {
			v >>= 3
			exp++
		}
	}
	if exp > 7 {
		return 1<<16 - 1
	}
	return uint16(exp<<13 | v)
}

// writeAcct is acct_process; mu is dropped meanwhile.
//
// In release 2003 it comes after job control (item 28): the terminal is gone from a session's
// leader by then, but not from the other members. In 10 it comes before. Mean memory is the integral over the ticks
// of processor time, as acct(5) wants it.
func (p *Proc) writeAcct(l *LWP) {
	p.step(l, StepAccounting)
	f := p.m.acct
	if f == nil {
		return
	}
	p.saveUsage(l)
	u := p.ownUsageLocked()
	r := AcctRecord{
		Comm: p.img.Comm, Utime: u.Utime, Stime: u.Stime, Etime: p.m.uptime() - p.start,
		Btime: p.StartTime(), UID: p.cred.RUID, GID: p.cred.RGID, Pid: int(p.pid),
		IO: u.Inblock + u.Oublock, Flag: p.acctFlags(),
	}
	if ticks := int64((u.Utime + u.Stime) / (10 * time.Millisecond)); ticks > 0 {
		r.Mem = (u.Ixrss + u.Idrss + u.Isrss) / ticks
	}
	if p.flags&fControlT != 0 && p.pgrp.sess.ttyvp {
		r.TTY = p.pgrp.sess.tty
	}
	p.unlocked(func() { _ = f(r) })
}

// acctFlags turns p's flags into acct(5)'s. ASU is never set: nothing records that a process has used the
// superuser's rights. mu is held.
func (p *Proc) acctFlags() (f uint8) {
	for _, b := range [...]struct {
		p procFlags
		a uint8
	}{{fAForked, netbsd.AFORK}, {fACore, netbsd.ACORE}, {fAXSig, netbsd.AXSIG}} {
		if p.flags&b.p != 0 {
			f |= b.a
		}
	}
	return f
}

// SizeofAcct is the size of struct acct of acct(5).
const SizeofAcct = 64

// Encode stores r as struct acct; tty is the number of its terminal's device, ^0 (NODEV) if it
// has none:
//
//	comm 0 (16 bytes), utime 16, stime 18, etime 20, btime 24, uid 32, gid 36, mem 40, io 42, tty 48, flag 56
func (r *AcctRecord) Encode(b []byte, tty uint64) {
	le := binary.LittleEndian
	clear(b[:SizeofAcct])
	copy(b[:16], r.Comm)
	le.PutUint16(b[16:], compT(r.Utime))
	le.PutUint16(b[18:], compT(r.Stime))
	le.PutUint16(b[20:], compT(r.Etime))
	le.PutUint64(b[24:], uint64(r.Btime.Unix()))
	le.PutUint32(b[32:], r.UID)
	le.PutUint32(b[36:], r.GID)
	le.PutUint16(b[40:], uint16(r.Mem))
	le.PutUint16(b[42:], compNum(uint64(max(r.IO, 0))*64)) // encode_comp_t of seconds
	le.PutUint64(b[48:], tty)
	b[56] = r.Flag
}
