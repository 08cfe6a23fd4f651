package tty

import (
	"math/rand/v2"
	"testing"

	"golang.org/x/sys/unix"

	"toaster/netbsd"
)

// What a guest sets it reads back, but for bits that neither side has; and the bits
// that only the host has stay.
func TestTermiosRoundTrip(t *testing.T) {
	all := func(bits []bitPair) (m uint32) {
		for _, b := range bits {
			m |= b.guest
		}
		return m
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		want := netbsd.Termios{
			Iflag:  r.Uint32() & all(iflagBits),
			Oflag:  r.Uint32() & (all(oflagBits) | nativeOflag),
			Cflag:  r.Uint32() & all(cflagBits),
			Lflag:  r.Uint32() & (all(lflagBits) | nativeLflag),
			Ispeed: 38400, Ospeed: 38400,
		}
		for i := range want.Cc {
			want.Cc[i] = byte(1 + r.IntN(255)) // 0 is the host's way of "disabled"
		}
		want.Cc[7], want.Cc[19] = netbsd.VDISABLE, netbsd.VDISABLE // spare
		h := unix.Termios{Iflag: unix.IUTF8, Oflag: unix.OFILL, Cflag: unix.B9600}
		hostModes(&want, &h)
		if got := guestModes(&h, nativeOf(&want)); got != want {
			t.Fatalf("got  %+v\nwant %+v\nhost %+v", got, want, h)
		}
		if h.Iflag&unix.IUTF8 == 0 || h.Oflag&unix.OFILL == 0 {
			t.Fatalf("the host's own bits are gone: %+v", h)
		}
	}
}

// The modes of a fresh terminal of the host look like those of a fresh one of NetBSD.
func TestTermiosFresh(t *testing.T) {
	h := unix.Termios{
		Iflag: unix.ICRNL | unix.IXON | unix.IUTF8, Oflag: unix.OPOST | unix.ONLCR,
		Cflag: unix.B38400 | unix.CS8 | unix.CREAD,
		Lflag: unix.ISIG | unix.ICANON | unix.ECHO | unix.ECHOE | unix.ECHOK | unix.ECHOCTL | unix.ECHOKE | unix.IEXTEN,
	}
	h.Cc[unix.VINTR], h.Cc[unix.VEOF], h.Cc[unix.VMIN] = 3, 4, 1
	g := guestModes(&h, nothingNative)
	want := uint32(netbsd.ISIG | netbsd.ICANON | netbsd.ECHO | netbsd.ECHOE | netbsd.ECHOK | netbsd.ECHOCTL | netbsd.ECHOKE | netbsd.IEXTEN)
	if g.Lflag != want || g.Cc[netbsd.VINTR] != 3 || g.Cc[netbsd.VEOF] != 4 || g.Cc[netbsd.VEOL] != netbsd.VDISABLE ||
		g.Cflag&netbsd.CSIZE != netbsd.CS8 || g.Ospeed != 38400 || g.Cc[netbsd.VDSUSP] != netbsd.VDISABLE {
		t.Errorf("got %+v", g)
	}
}
