package tty

import (
	"testing"

	"toaster/kern"
	"toaster/netbsd"
)

// FuzzLine drives a pair with modes, keys and output that a hostile guest would choose.
// The queues stay within their bounds, and whatever is typed can be got rid of.
func FuzzLine(f *testing.F) {
	f.Add(uint32(netbsd.ICRNL|netbsd.IXON), uint32(netbsd.OPOST|netbsd.ONLCR|netbsd.OXTABS), uint32(netbsd.ICANON|netbsd.ECHO|netbsd.ECHOE|netbsd.IEXTEN|netbsd.ISIG), []byte("ab\t\x7f\x7f\x17\x15\x12\x0f\x13\x11\x04\n"))
	f.Add(uint32(netbsd.INPCK|netbsd.PARMRK|netbsd.IXOFF), uint32(0), uint32(netbsd.ECHOPRT|netbsd.ECHO|netbsd.ICANON), []byte("\xff\xffxy\x7f\x7fz\r\n"))
	f.Fuzz(func(t *testing.T, iflag, oflag, lflag uint32, keys []byte) {
		m := kern.New(kern.Config{})
		defer m.Close()
		ctl, term := open(t, New(m, nil, nil))
		p := ctl.pair()
		for i, k := range keys {
			switch {
			case i%17 == 16:
				term.d.File.Write(term.call(true), keys[:i%64])
			case i%29 == 28: // the other mode and back
				term.setModes(func(m *netbsd.Termios) { m.Lflag ^= netbsd.ICANON })
			case i%13 == 12:
				term.d.File.Read(term.call(true), make([]byte, i%7+1))
			case i == 0:
				term.setModes(func(m *netbsd.Termios) { m.Iflag, m.Oflag, m.Lflag = iflag, oflag, lflag })
			}
			ctl.d.File.Write(ctl.call(true), []byte{k})
			p.mu.Lock()
			if len(p.out) > outputMax || len(p.raw)+len(p.can) > inputMax || p.rocount < 0 || p.col < 0 {
				t.Fatalf("after key %d: out %d, raw %d, can %d, rocount %d, column %d", i, len(p.out), len(p.raw), len(p.can), p.rocount, p.col)
			}
			p.unlock()
			if i%11 == 10 {
				ctl.d.File.Read(ctl.call(true), make([]byte, 128))
			}
		}
		zero := make([]byte, 4)
		ctl.ioctl(netbsd.TIOCFLUSH, zero)
		if term.count(netbsd.FIONREAD) != 0 || term.count(netbsd.TIOCOUTQ) != 0 {
			t.Fatal("a flush leaves something")
		}
	})
}
