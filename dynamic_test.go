package toaster_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"toaster"
)

// exitsWithArgc is machine code: exit(*(long *)rsp), as a program starts.
var exitsWithArgc = []byte{
	0x48, 0x8b, 0x3c, 0x24, // mov (%rsp), %rdi
	0xb8, 1, 0, 0, 0, // mov $1, %eax
	0x0f, 0x05, // syscall
}

// crashes is machine code that must not be reached.
var crashes = []byte{0x0f, 0x0b}

// pie makes a position-independent NetBSD executable of code, which wants the dynamic
// linker interp unless that is "".
func pie(code []byte, interp string) []byte {
	const ehdr, phdr = 64, 56
	note := []byte("\x07\x00\x00\x00\x04\x00\x00\x00\x01\x00\x00\x00NetBSD\x00\x00\x00\xca\x9a\x3b")
	phnum := 2
	if interp != "" {
		phnum = 3
	}
	noteAt := uint64(ehdr + phdr*phnum)
	interpAt := noteAt + uint64(len(note))
	codeAt := (interpAt + uint64(len(interp)) + 1 + 15) &^ 15
	size := codeAt + uint64(len(code))

	var b bytes.Buffer
	w := func(v any) { binary.Write(&b, binary.LittleEndian, v) }
	b.WriteString("\x7fELF\x02\x01\x01\x02\x00\x00\x00\x00\x00\x00\x00\x00")
	w([]uint16{3, 62})
	w(uint32(1))
	w([]uint64{codeAt, ehdr, 0})
	w(uint32(0))
	w([]uint16{ehdr, phdr, uint16(phnum), 0, 0, 0})
	segment := func(typ, flags uint32, at, n uint64) {
		w([]uint32{typ, flags})
		w([]uint64{at, at, at, n, n, 0x1000})
	}
	segment(1, 5, 0, size)
	segment(4, 4, noteAt, uint64(len(note)))
	if interp != "" {
		segment(3, 4, interpAt, uint64(len(interp))+1)
	}
	b.Write(note)
	b.WriteString(interp + "\x00")
	b.Write(make([]byte, int(codeAt)-b.Len()))
	b.Write(code)
	return b.Bytes()
}

func install(t *testing.T, root, name string, program []byte) {
	t.Helper()
	full := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(full, program, 0o755); err != nil {
		t.Fatal(err)
	}
}

// TestDynamicExecutable runs a program whose dynamic linker is under the root: control
// goes to the linker first.
func TestDynamicExecutable(t *testing.T) {
	root := t.TempDir()
	install(t, root, "bin/prog", pie(crashes, "/libexec/ld.elf_so"))
	install(t, root, "libexec/ld.elf_so", pie(exitsWithArgc, ""))
	cmd := toaster.Command("/bin/prog", "one", "two")
	cmd.Options.Root = root
	var exit *toaster.ExitError
	if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != 3 {
		t.Errorf("got %v, want exit status 3, the number of arguments", err)
	}
}

func TestStaticPIE(t *testing.T) {
	root := t.TempDir()
	install(t, root, "prog", pie(exitsWithArgc, ""))
	cmd := toaster.Command("/prog")
	cmd.Options.Root = root
	var exit *toaster.ExitError
	if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("got %v, want exit status 1", err)
	}
}

// TestDynamicLinkerMissing wants an error that names the interpreter.
func TestDynamicLinkerMissing(t *testing.T) {
	root := t.TempDir()
	install(t, root, "prog", pie(crashes, "/libexec/ld.elf_so"))
	cmd := toaster.Command("/prog")
	cmd.Options.Root = root
	var notExec *toaster.NotExecutableError
	err := cmd.Start()
	if !errors.As(err, &notExec) || !strings.Contains(err.Error(), "/libexec/ld.elf_so") {
		t.Errorf("got %v, want an error that names the dynamic linker", err)
	}
}

// exitsWith9 is machine code: exit(9).
var exitsWith9 = []byte{
	0xbf, 9, 0, 0, 0, // mov $9, %edi
	0xb8, 1, 0, 0, 0, // mov $1, %eax
	0x0f, 0x05, // syscall
}

// A dynamic program that is executed again and again finds its own arguments each time, as
// execve(2) promises, and the linker that lies there then.
func TestDynamicExecutableAgain(t *testing.T) {
	root := t.TempDir()
	install(t, root, "bin/prog", pie(crashes, "/libexec/ld.elf_so"))
	install(t, root, "libexec/ld.elf_so", pie(exitsWithArgc, ""))
	m, err := toaster.New(t.Context(), toaster.Options{Root: root})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	status := func(argc int) int {
		cmd := m.Command("/bin/prog", make([]string, argc-1)...)
		cmd.Run()
		return cmd.ProcessState.ExitCode()
	}
	for argc := 1; argc < 8; argc++ {
		if got := status(argc); got != argc {
			t.Errorf("status %d with %d arguments", got, argc)
		}
	}
	for _, again := range []string{"first", "second", "third"} {
		install(t, root, "libexec/new", pie(exitsWith9, ""))
		if err := os.Rename(filepath.Join(root, "libexec/new"), filepath.Join(root, "libexec/ld.elf_so")); err != nil {
			t.Fatal(err)
		}
		if got := status(1); got != 9 {
			t.Errorf("status %d with another linker, the %s time", got, again)
		}
	}
}
