package stub

import (
	"bytes"
	"debug/elf"
	"os"
	"testing"
)

// symbolIn finds what debug/elf finds, in a file of the host's linker.
func TestSymbolIn(t *testing.T) {
	const name = "/proc/self/exe"
	image := vdsoImage(t)
	f, err := elf.NewFile(bytes.NewReader(image))
	if err != nil {
		t.Fatal(err)
	}
	symbols, err := f.DynamicSymbols()
	if err != nil || len(symbols) == 0 {
		t.Fatalf("the vdso has %d symbols: %v", len(symbols), err)
	}
	for _, s := range symbols {
		if got := symbolIn(image, s.Name); got != s.Value {
			t.Errorf("%s: %#x, want %#x", s.Name, got, s.Value)
		}
	}
	if got := symbolIn(image, "no such symbol"); got != 0 {
		t.Errorf("one that is not there: %#x", got)
	}
	exe, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got := symbolIn(exe, "__vdso_clock_gettime"); got != 0 {
		t.Errorf("of a static executable: %#x", got)
	}
}

// vdsoImage is this process's vdso.
func vdsoImage(t testing.TB) []byte {
	base := Auxv(atSysinfoEhdr)
	if base == 0 {
		t.Skip("the host has no vdso")
	}
	image := make([]byte, 4096)
	mem, err := os.Open("/proc/self/mem")
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	for n := len(image); ; n += 4096 {
		image = make([]byte, n)
		if k, err := mem.ReadAt(image, int64(base)); err != nil {
			return image[:k]
		}
		if n > 64<<10 {
			return image
		}
	}
}
