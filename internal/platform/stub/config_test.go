package stub

import (
	"bytes"
	"debug/elf"
	"io"
	"testing"
)

// The zygote is the stub's code and its configuration, and nothing that could be written
// (SECURITY.md, invariant 3); what the code does not fill is HLT, a fault in user mode.
func TestImage(t *testing.T) {
	text, vdso := Load(), FindVDSO()
	f, err := elf.NewFile(bytes.NewReader(Image(&text, &vdso, &Config{SlotSize: 8192, WindowSize: 8192 * SlotsPerWindow, Name: "a name"}).Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if f.Entry != Addr {
		t.Errorf("it begins at %#x", f.Entry)
	}
	for i, want := range []struct {
		addr, size uint64
		flags      elf.ProgFlag
	}{{Addr, Size, elf.PF_R | elf.PF_X}, {ConfigAddr, ConfigSize, elf.PF_R}} {
		p := f.Progs[i]
		if p.Type != elf.PT_LOAD || p.Vaddr != want.addr || p.Memsz != want.size || p.Filesz != want.size || p.Flags != want.flags {
			t.Errorf("segment %d: %+v", i, p.ProgHeader)
		}
	}
	for _, p := range f.Progs[2:] {
		if p.Type == elf.PT_LOAD {
			t.Errorf("one more segment: %+v", p.ProgHeader)
		}
	}
	code, err := io.ReadAll(f.Progs[0].Open())
	if err != nil || !bytes.HasPrefix(code, text.Code) || len(bytes.Trim(code[len(text.Code):], "\xf4")) != 0 {
		t.Errorf("the code is not the stub's: %v", err)
	}
}

// No text in the configuration runs into what is behind it, however long it is.
func TestLongNames(t *testing.T) {
	text, vdso := Load(), VDSO{}
	long := string(bytes.Repeat([]byte{'x'}, ConfigSize))
	page := (&Config{SlotSize: 8192, Name: long, Sentinel: long, TimerSlack: 77}).page(&text, &vdso)
	if page[cfgSlack-1] != 0 || page[cfgSlack] != 77 || page[len(page)-1] != 0 {
		t.Errorf("% x", page[cfgName:cfgPieces])
	}
}
