package syscalls

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"toaster/internal/file"
	"toaster/netbsd"
)

// lentTo notes what a host process is told of descriptors.
type lentTo struct{ told []string }

func (b *lentTo) PublishFile(fd int, _ uint32)             { b.tell(fmt.Sprint(fd)) }
func (b *lentTo) UnlendFile(fd int)                        { b.tell(fmt.Sprint(-fd)) }
func (b *lentTo) PublishEvent(int, uint32, uint32, uint64) {}
func (b *lentTo) RecallFiles()                             { b.tell("recall") }
func (b *lentTo) tell(what string)                         { b.told = append(b.told, what) }

// What somebody has been lent to write is taken back before chflags(2), or fchflags, returns that has made a file append-only: the next write
// is the kernel's to refuse (WRITE of ufs_readwrite.c).
func TestAppendOnlyIsTakenBack(t *testing.T) {
	r := newRig(t)
	r.owners = true
	for _, name := range []string{"r", "w"} {
		if err := os.WriteFile(filepath.Join(r.dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	r.run(func(p *player) {
		tab := TableOf(p.c.L)
		files := []int{int(p.ok(netbsd.SYS_open, "r", netbsd.O_RDONLY, 0)), int(p.ok(netbsd.SYS_open, "w", netbsd.O_WRONLY, 0))}
		for _, c := range []struct {
			nr   int
			args args
			back bool
		}{
			{netbsd.SYS_chflags, args{"w", netbsd.UF_NODUMP}, false},
			{netbsd.SYS_chflags, args{"w", netbsd.UF_APPEND}, true},
			{netbsd.SYS_chflags, args{"x", netbsd.UF_APPEND}, false},
			{netbsd.SYS_fchflags, args{files[1], 0}, false},
			{netbsd.SYS_fchflags, args{files[1], netbsd.SF_APPEND}, true},
			{netbsd.SYS_lchflags, args{"w", 0}, false},
			{netbsd.SYS_lchflags, args{"w", netbsd.UF_APPEND}, true},
		} {
			b := &lentTo{}
			for _, fd := range files {
				d, _ := tab.Get(fd)
				d.HostToLend(nil)
				if !tab.Lend(fd, d, b, func() bool { return true }) {
					t.Errorf("descriptor %d is not lent", fd)
				}
				d.Release()
			}
			want := fmt.Sprint(files[0], files[1])
			if c.back {
				want += fmt.Sprint(" ", -files[1], " recall")
			}
			p.do(c.nr, c.args...)
			if got := strings.Join(b.told, " "); got != want {
				t.Errorf("%s%v: told %q, want %q", netbsd.SyscallName(c.nr), c.args, got, want)
			}
			tab.Unlend()
		}
	})
}

var _ file.Borrower = (*lentTo)(nil)
