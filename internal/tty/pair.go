package tty

import (
	"encoding/binary"
	"math/bits"
	"sync"
	"sync/atomic"

	"toaster/internal/file"
	"toaster/kern"
	"toaster/netbsd"
)

// Sizes of the queues, as kern.tty.qsize and ttsetwater have them.
const (
	inputMax  = 1024 // TTYHOG: characters of input, lines not yet ended included
	outputMax = 1024 // a writer sleeps when so many wait for the controller
	outputLow = 256  // and goes on when so few are left
)

// state of a pair.
type state uint16

const (
	stOpen     state = 1 << iota // TS_ISOPEN: the terminal side is open
	stCarrier                    // TS_CARR_ON: the controller side is there
	stStopped                    // TS_TTSTOP: output stopped by ^S or TIOCSTOP
	stLiteral                    // TS_LNCH: the next character is data
	stErasing                    // TS_ERASE: within the \.../ of ECHOPRT
	stPending                    // TS_TYPEN: input is being taken in again
	stCounting                   // TS_CNTTB: echo only measures, for the erase of a tab
	stBlocked                    // TS_TBLOCK: IXOFF's stop character has been sent
	stExcl                       // TS_XCLUDE
	stAsync                      // TS_ASYNC: SIGIO at input
)

// pair is a pseudo-terminal: a line discipline between two sides.
type pair struct {
	d   *Driver
	num int
	k   *kern.TTY

	// terminalQueue wakes those who hold the terminal side: In when there is input, Out when
	// output has gone; controllerQueue wakes the controller's holders alike.
	terminalQueue, controllerQueue file.Queue

	old compat43

	// mu guards all that follows. It is taken for one step of the discipline, and released
	// to sleep and to write the report of VSTATUS, see unlock.
	mu      sync.Mutex
	t       netbsd.Termios
	win     netbsd.Winsize
	st      state
	raw     []uint16 // the line that is being typed; all input without ICANON
	can     []uint16 // lines that can be read
	out     []byte
	col     int // the cursor's column
	rocount int // characters of raw that the cursor has behind it
	rocol   int // the column where they begin

	opens          int    // descriptions of the terminal side
	revoked        uint64 // how often it was revoked: older descriptions are dead
	controllerOpen bool   // the controller side is open
	stat           file.Stat
	qsize          int   // of TIOCSQSIZE; 0: inputMax
	hold           int   // uses of the number: sides that are open
	tw             *twin // the pair's queues and modes are there, if it is not nil

	// host is set with mu held. It is there until the terminal is given up, also without a twin.
	host atomic.Pointer[heldSession]

	// Of the controller's modes (TIOCPKT, TIOCUCNTL, TIOCREMOTE).
	pkt, ucntl, remote bool
	send               byte // TIOCPKT_* to be read first
	ucmd               byte // the UIOCCMD to be read first
	paused             bool // PF_STOPPED: TIOCPKT_STOP was sent
	nostop             bool // PF_NOSTOP: TIOCPKT_NOSTOP was sent
	info               bool // VSTATUS was typed: the report is due once mu is free
}

// inputMax is how many characters of input the terminal keeps, lines that have not ended included.
func (p *pair) inputMax() int {
	if p.qsize != 0 {
		return p.qsize
	}
	return inputMax
}

// queueMost is TTY_MAXQSIZE: of a terminal a guest has no more kept.
const queueMost = 0x10000

// setQueueSize is TIOCSQSIZE (tty_get_qsize, tty_set_qsize): a power of two, not below what there is at
// first. EBUSY: output waits. mu is held.
func (p *pair) setQueueSize(data []byte) netbsd.Errno {
	size := int(int32(binary.LittleEndian.Uint32(data)))
	switch {
	case size < inputMax || size >= 2*queueMost:
		return netbsd.EINVAL
	case 1<<(bits.Len(uint(size))-1) == p.inputMax():
		return 0
	case len(p.out) > 0:
		return netbsd.EBUSY
	}
	p.qsize = 1 << (bits.Len(uint(size)) - 1)
	return 0
}

func (p *pair) is1(s state) bool { return p.st&s != 0 }

// connected is CONNECTED: data can pass.
func (p *pair) connected() bool { return p.is1(stCarrier) || p.t.Cflag&netbsd.CLOCAL != 0 }

// wakeReaders is ttwakeup: there is input, or none will come.
func (p *pair) wakeReaders() {
	p.terminalQueue.Notify(file.In | file.RdNorm)
	if p.is1(stAsync) {
		p.k.Signal(netbsd.SIGIO)
	}
}

// wakeWriters tells those who wait for room in the output, or for it to drain.
func (p *pair) wakeWriters() { p.terminalQueue.Notify(file.Out) }

// start is ptsstart: the controller has something to read, unless output is stopped.
func (p *pair) start() {
	if p.is1(stStopped) {
		return
	}
	if p.paused {
		p.paused = false
		p.send = netbsd.TIOCPKT_START
	}
	p.controllerQueue.Notify(file.In | file.RdNorm)
}

// stop is ptsstop: output was stopped (0) or queues were flushed (FREAD, FWRITE as
// the terminal sees them), of which packet mode tells the controller.
func (p *pair) stop(flush byte) {
	p.paused = flush == 0
	if flush == 0 {
		flush = netbsd.TIOCPKT_STOP
	}
	p.send |= flush
	if flush&netbsd.FREAD != 0 {
		p.controllerQueue.Notify(file.Out)
	}
	if flush&netbsd.FWRITE != 0 || p.pkt {
		p.controllerQueue.Notify(file.In | file.RdNorm)
	}
}

// flush is ttyflush: the queues named by FREAD and FWRITE are emptied.
func (p *pair) flush(which byte) {
	if which&netbsd.FREAD != 0 {
		p.can, p.raw = nil, nil
		p.rocount, p.rocol = 0, 0
		p.wakeReaders()
	}
	if which&netbsd.FWRITE != 0 {
		p.st &^= stStopped
		p.stop(which)
		p.out = p.out[:0]
		p.wakeWriters()
	} else {
		p.controllerQueue.Notify(file.Out)
	}
}

// pulled is ttypull: the controller has taken output away.
func (p *pair) pulled() {
	if len(p.out) <= outputLow {
		p.wakeWriters()
	}
}

// unlock unlocks mu and does what was put off until then.
func (p *pair) unlock() {
	info := p.info
	p.info = false
	p.mu.Unlock()
	if info {
		p.report()
	}
}
