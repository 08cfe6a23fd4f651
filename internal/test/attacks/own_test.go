package attacks

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"toaster/internal/hostlimits"
)

var long = flag.Bool("long", false, "attack for longer, and with more LWPs")

// Programs of the same kinds: they try all places, not one, with one LWP and with several.
// Each says "done" when it has tried everything; its own children may die of it.
func TestOwn(t *testing.T) {
	root := newRoot(t)
	seconds, step, rounds := "2", "6", "60"
	if *long {
		seconds, step, rounds = "60", "1", "2000"
	}
	for _, args := range [][]string{
		{"/frames"},
		{"/frames", "lwps"},
		{"/words", "alone", step},
		{"/words", "lwps", step},
		{"/scribble", seconds},
		{"/sigret", step},
		{"/window", rounds},
	} {
		t.Run(strings.Join(args, " ")[1:], func(t *testing.T) {
			o := attack(t, inRoot(root, args...))
			o.says(t, "done")
			if o.status != 0 {
				t.Errorf("status %d", o.status)
			}
		})
	}
}

// memory: with a control group --memory holds for those who take memory by the stub's calls, too.
func TestMemoryByTheStub(t *testing.T) {
	g, err := hostlimits.MakeGroup(1 << 20)
	if err != nil {
		t.Skip("this host grants no control group: ", err)
	}
	g.Remove()
	root := newRoot(t)
	// The attack does what it says: without a limit it succeeds.
	attack(t, inRoot(root, "/memory", "512")).says(t, "signal of the child: 0", "status of the child: 0", "done")
	o := attack(t, inRoot(root, "--memory", "64M", "/memory", "512"))
	o.says(t, "signal of the child: 9", "done", "more than 64M of memory")
}

// seal: nobody writes to a memfd any more once it has F_SEAL_WRITE (memfd_create(2)), not by a mapping either that the stub's mremap has hidden.
func TestSealedMemory(t *testing.T) {
	root := newRoot(t)
	attack(t, inRoot(root, "/seal")).says(t, "hidden 2", "munmap 0", "F_ADD_SEALS 0", "F_GET_SEALS 8", "sealed 2", "later 2", "done")
}

// lend: what a guest has open is lent to its host process, and not for longer, nor with more rights.
func TestLentFiles(t *testing.T) {
	root := newRoot(t)
	secret := []byte("SECRET and more than that\n")
	for _, name := range []string{"secret", "other"} {
		if err := os.WriteFile(filepath.Join(root, name), secret, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	rounds := "40"
	if *long {
		rounds = "2000"
	}
	for name, args := range map[string][]string{"lent": nil, "not lent": {"--no-lend"}} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(command, append(append([]string{"run", "--root", root}, args...), "/lend", rounds)...)
			o := attack(t, cmd)
			o.says(t, "found 0", "done")
			if o.status != 0 {
				t.Errorf("status %d", o.status)
			}
			switch {
			case name == "not lent":
				o.says(t, "lent 0", "pipes 0", "kqueues 0")
			case tellsDescriptors():
				o.says(t, "!lent 0")
				if readsPipesAtOnce() {
					o.says(t, "!pipes 0", "!kqueues 0")
				}
			}
			if b, err := os.ReadFile(filepath.Join(root, "secret")); err != nil || !bytes.Equal(b, secret) {
				t.Errorf("the file is %q: %v", b, err)
			}
		})
	}
}

// readsPipesAtOnce reports whether the host reads pipes without waiting whatever their flags say, without which none are lent.
func readsPipesAtOnce() bool {
	var fds [2]int
	if unix.Pipe2(fds[:], unix.O_CLOEXEC) != nil {
		return false
	}
	defer unix.Close(fds[0])
	defer unix.Close(fds[1])
	_, err := unix.Preadv2(fds[0], [][]byte{make([]byte, 1)}, -1, unix.RWF_NOWAIT)
	return err == unix.EAGAIN
}

// tellsDescriptors reports whether the host says what descriptors a process has, without which nothing is lent.
func tellsDescriptors() bool {
	fd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	_, err = unix.PidfdGetfd(fd, 1<<20, 0)
	return err == unix.EBADF
}
