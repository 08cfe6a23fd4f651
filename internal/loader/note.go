package loader

import (
	"encoding/binary"
	"fmt"
	"io"
	"strings"
)

// notes is what the notes of a file say about its system.
type notes struct {
	netbsd int32  // version of NetBSD, at least 1 if there is the note
	other  string // the name of another system
	pax    uint32 // the flags of paxctl(8)
}

// readNotes looks through the PT_NOTE segments (netbsd_elf_signature): one that is too long, or that the file does not have whole, is left out. Names and
// descriptions are padded to 4 bytes, and what does not fit ends the look.
func readNotes(r io.ReaderAt, phs []phdr) (n notes) {
	for _, p := range phs {
		if p.typ != ptNote || p.filesz > maxNote {
			continue
		}
		b := make([]byte, p.filesz)
		if got, _ := r.ReadAt(b, int64(p.off)); got == len(b) {
			n.parse(b)
		}
	}
	return n
}

func (n *notes) parse(b []byte) {
	for len(b) >= 12 {
		nameLen, descLen, typ := uint64(le.Uint32(b)), uint64(le.Uint32(b[4:])), le.Uint32(b[8:])
		b = b[12:]
		name, rest, ok := take(b, nameLen)
		if !ok {
			return
		}
		desc, rest, ok := take(rest, descLen)
		if !ok {
			return
		}
		n.add(string(name), typ, desc)
		b = rest
	}
}

func take(b []byte, n uint64) (got, rest []byte, ok bool) {
	padded := (n + 3) &^ 3
	if padded > uint64(len(b)) {
		return nil, nil, false
	}
	return b[:n], b[padded:], true
}

// add is netbsd_elf_note: the notes of NetBSD's have their lengths. Those of others are for people alone.
func (n *notes) add(name string, typ uint32, desc []byte) {
	switch system, _, _ := strings.Cut(name, "\x00"); {
	case name == "NetBSD\x00" && typ == ntNetBSDIdent && len(desc) == 4:
		n.netbsd = max(int32(le.Uint32(desc)), 1)
	case name == "PaX\x00" && typ == ntPaX && len(desc) == 4:
		n.pax = le.Uint32(desc)
	case system == "GNU" && typ == 1 && len(desc) >= 4:
		if os := le.Uint32(desc); os < 6 {
			n.other = [...]string{"Linux", "Hurd", "Solaris", "FreeBSD", "NetBSD", "Syllable"}[os]
		}
	case system == "FreeBSD" || system == "OpenBSD" || system == "DragonFly" || system == "Android":
		n.other = system
	}
}

// notNetBSD says what an amd64 ELF executable without NetBSD's note is.
func notNetBSD(osabi byte, n notes, interp string) *Error {
	switch {
	case n.other != "" && n.other != "Linux" && n.other != "Android":
		return fail(OtherOS, n.other)
	case osabi == osabiNetBSD:
		return fail(Malformed, "it claims to be for NetBSD, but has no NetBSD note")
	case osabi == 9:
		return fail(OtherOS, "FreeBSD")
	case osabi == 12:
		return fail(OtherOS, "OpenBSD")
	case osabi == 6:
		return fail(OtherOS, "Solaris")
	case osabi != 0 && osabi != osabiLinux:
		return fail(OtherOS, fmt.Sprintf("foreign (OS ABI %d)", osabi))
	case strings.Contains(interp, "ld-elf.so"):
		return fail(OtherOS, "FreeBSD")
	}
	return fail(Linux, "")
}

// fileMachine reads e_machine in the file's own byte order.
func fileMachine(head []byte) uint16 {
	if head[5] == 2 {
		return binary.BigEndian.Uint16(head[18:])
	}
	return le.Uint16(head[18:])
}

func archName(head []byte, machine uint16) string {
	name, ok := map[uint16]string{2: "sparc", 3: "386", 8: "mips", 20: "ppc", 21: "ppc64", 22: "s390x",
		40: "arm", 43: "sparc64", 62: "x32", 183: "arm64", 243: "riscv64", 258: "loong64"}[machine]
	if !ok {
		name = fmt.Sprintf("a machine that ELF numbers %d", machine)
	}
	if head[7] == osabiNetBSD {
		return "NetBSD/" + name
	}
	return name
}

func typeName(t uint16) string {
	switch t {
	case 1:
		return "an object file"
	case 4:
		return "a core dump"
	}
	return fmt.Sprintf("an ELF file of type %d", t)
}
