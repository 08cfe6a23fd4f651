package memprog

import (
	"bytes"
	"debug/elf"
	"fmt"
	"io"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

const at = 0x400000

// exit7: mov $231, %eax; movzbl data, %edi; syscall: exit_group(2) with the data's first byte.
var exit7 = []byte{0xb8, 231, 0, 0, 0, 0x0f, 0xb6, 0x3c, 0x25, 0x00, 0x20, 0x40, 0x00, 0x0f, 0x05}

func image() *Image {
	return &Image{at, []Segment{
		{at, unix.PROT_READ | unix.PROT_EXEC, exit7},
		{at + 0x2000, unix.PROT_READ | unix.PROT_WRITE, []byte{7}}}}
}

// What another reader of ELF (elf(5)) makes of an image.
func TestImage(t *testing.T) {
	f, err := elf.NewFile(bytes.NewReader(image().Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if f.Entry != at || f.Type != elf.ET_EXEC || f.Machine != elf.EM_X86_64 || len(f.Progs) != 3 {
		t.Errorf("%+v", f)
	}
	for i, want := range []struct {
		typ   elf.ProgType
		flags elf.ProgFlag
		addr  uint64
		data  []byte
	}{
		{elf.PT_LOAD, elf.PF_R | elf.PF_X, at, exit7},
		{elf.PT_LOAD, elf.PF_R | elf.PF_W, at + 0x2000, []byte{7}},
		{elf.PT_GNU_STACK, elf.PF_R | elf.PF_W, 0, nil},
	} {
		p := f.Progs[i]
		data, err := io.ReadAll(p.Open())
		if err != nil || p.Type != want.typ || p.Flags != want.flags || p.Vaddr != want.addr || p.Off%pageSize != 0 || !bytes.Equal(data, want.data) {
			t.Errorf("%d: %+v, % x, %v", i, p.ProgHeader, data, err)
		}
	}
}

// The host executes it, with its data where it is to be.
func TestFile(t *testing.T) {
	fd, err := File("memprog-test", image())
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	want := image().Bytes()
	b := make([]byte, len(want)+1)
	if n, err := unix.Pread(fd, b, 0); !bytes.Equal(b[:n], want) {
		t.Errorf("%d bytes, %v, are not the %d of Bytes", n, err, len(want))
	}
	err = exec.Command(fmt.Sprintf("/proc/self/fd/%d", fd)).Run()
	if e, ok := err.(*exec.ExitError); !ok || e.ExitCode() != 7 {
		t.Errorf("%v, want status 7", err)
	}
}

// Where a program and what it inherits have their numbers matters to nobody, though the fork's child has room for descriptors of its
// own behind the highest that is to be inherited (syscall.ForkExec moves the pipe there by which it tells of an error, if that is lower).
func TestStartWherever(t *testing.T) {
	fd, err := File("memprog-test", image())
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	for _, n := range []struct{ exe, file int }{{201, 200}, {200, 201}, {202, 200}, {200, 300}} {
		for from, to := range map[int]int{fd: n.exe, 0: n.file} {
			if err := unix.Dup3(from, to, unix.O_CLOEXEC); err != nil {
				t.Fatal(err)
			}
		}
		pid, err := Start(n.exe, []string{"memprog-test"}, &syscall.ProcAttr{Files: []uintptr{uintptr(n.file), uintptr(n.file)}})
		unix.Close(n.exe)
		unix.Close(n.file)
		if err != nil {
			t.Errorf("%+v: %v", n, err)
			continue
		}
		var st unix.WaitStatus
		if _, err := unix.Wait4(pid, &st, 0, nil); err != nil || st.ExitStatus() != 7 {
			t.Errorf("%+v: %v, status %#x, want 7", n, err, st)
		}
	}
}
