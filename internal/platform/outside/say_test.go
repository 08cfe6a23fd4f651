package outside

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestSay: text arrives where there is room, in whatever file, and a pipe that nobody empties keeps nobody.
func TestSay(t *testing.T) {
	text := []byte("toaster: no such dynamic linker\n")
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(p[0])
	defer unix.Close(p[1])
	Say(p[1], text)
	got := make([]byte, 128)
	if n, err := unix.Read(p[0], got); err != nil || !bytes.Equal(got[:n], text) {
		t.Errorf("a pipe has %q, %v", got[:max(n, 0)], err)
	}

	unix.SetNonblock(p[1], true)
	for full := make([]byte, 4096); ; {
		if _, err := unix.Write(p[1], full); err != nil {
			break
		}
	}
	unix.SetNonblock(p[1], false)
	Say(p[1], text) // returns

	name := filepath.Join(t.TempDir(), "file")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	Say(int(f.Fd()), text)
	f.Close()
	if b, err := os.ReadFile(name); err != nil || !bytes.Equal(b, text) {
		t.Errorf("a file has %q, %v", b, err)
	}
}
