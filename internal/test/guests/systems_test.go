package guests

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// lastcomm reads an accounting file as lastcomm(1) does: from its end, a struct acct of acct(5) at a time, and says of each
// command, flags, user, terminal, seconds of processor time and when it began (usr.bin/lastcomm/lastcomm.c).
func lastcomm(t *testing.T, b []byte) (lines []string, began []time.Time) {
	const size = 64
	if len(b)%size != 0 {
		t.Fatalf("the file has %d bytes", len(b))
	}
	le := binary.LittleEndian
	expand := func(v uint16) time.Duration { // comp_t: 3 bits of exponent of 8, 13 of a fraction, in 1/64 s
		return time.Duration(uint64(v&0x1fff)<<(3*(v>>13))) * time.Second / 64
	}
	for at := len(b) - size; at >= 0; at -= size {
		r := b[at : at+size]
		comm, _, _ := bytes.Cut(r[:16], []byte{0})
		if len(comm) == 0 {
			comm = []byte("?")
		}
		flags := ""
		for _, f := range []struct {
			bit  byte
			name string
		}{{0x01, "F"}, {0x04, "C"}, {0x08, "D"}, {0x10, "X"}} { // and "S", of which nobody says when it is set
			if r[56]&f.bit != 0 {
				flags += f.name
			}
		}
		tty := "tty"
		if le.Uint64(r[48:]) == 1<<64-1 {
			tty = "__" // NODEV
		}
		used := expand(le.Uint16(r[16:])) + expand(le.Uint16(r[18:]))
		if used > time.Minute || expand(le.Uint16(r[20:])) > time.Hour {
			t.Errorf("used %v in %v", used, expand(le.Uint16(r[20:])))
		}
		lines = append(lines, fmt.Sprintf("%s %s %d %s", comm, flags, le.Uint32(r[32:]), tty))
		began = append(began, time.Unix(int64(le.Uint64(r[24:])), 0))
	}
	return lines, began
}

// What has ended is in the accounting file by the time that its parent can know (items 28 and 64), in the order of the ends, and
// another program reads it: who has forked alone, who has died of a signal, left a core, or was somebody else.
func TestAccountingFile(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("acct(2) is for the superuser, which only root's guests are")
	}
	dir := t.TempDir()
	start := time.Now().Truncate(time.Second)
	runIn(t, dir, "sub_acct")
	b, err := os.ReadFile(filepath.Join(dir, "acct"))
	if err != nil {
		t.Fatal(err)
	}
	got, began := lastcomm(t, b)
	want := []string{ // the last one first
		"guest F 0 __", "guest F 100 __", "guest FDX 0 __", "guest FX 0 __", "guest  0 __", "guest F 0 __",
	}
	if !slices.Equal(got, want) {
		t.Errorf("lastcomm reads\n%q, want\n%q", got, want)
	}
	for _, at := range began {
		if at.Before(start) || at.After(time.Now()) {
			t.Errorf("a process began at %v, the test at %v", at, start)
		}
	}
}
