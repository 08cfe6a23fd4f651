package loader

import "toaster/netbsd"

// PSStringsSize is sizeof(struct ps_strings): argv 0, nargv 8, envp 16, nenvp 24,
// each number followed by 4 bytes of padding.
const PSStringsSize = 32

// StackArgs says what goes onto a new stack.
type StackArgs struct {
	Argv, Envp             []string
	Image                  *Image
	InterpBase             uint64 // AT_BASE: where the dynamic linker is; 0 without one
	Entry                  uint64 // AT_ENTRY if not the image's own
	EUID, RUID, EGID, RGID uint32
	ExecPath               string // AT_SUN_EXECNAME: the absolute path; empty: no entry
	Top                    uint64 // end of the stack; 0 means netbsd.StackTop
	StackBase              uint64 // AT_STACKBASE; 0 means Top
}

// Stack is the top of a new stack: Bytes are to be written at SP, and end at the top.
type Stack struct {
	SP        uint64 // a multiple of 16, points to argc
	PSStrings uint64 // goes into RBX
	Bytes     []byte
}

// BuildStack lays a stack out the way NetBSD/amd64 does, from the stack pointer up:
//
//	argc, argv..., 0, envp..., 0, auxiliary vector, path of the executable, room up to AuxSize,
//	argument strings, environment strings, padding, struct ps_strings
//
// The strings together may take ARG_MAX bytes, else E2BIG.
func BuildStack(a *StackArgs) (*Stack, netbsd.Errno) {
	if stringsLen(a.Argv)+stringsLen(a.Envp) > netbsd.ARG_MAX {
		return nil, netbsd.E2BIG
	}
	top := a.Top
	if top == 0 {
		top = netbsd.StackTop
	}
	aux := a.auxv(top)
	pointers := 8 * (1 + len(a.Argv) + 1 + len(a.Envp) + 1)
	total := pointers + AuxSize + stringsLen(a.Argv) + stringsLen(a.Envp) + PSStringsSize
	sp := (top - uint64(total)) &^ 15
	w := &stackWriter{base: sp, b: make([]byte, top-sp)}

	argvAt := sp + 8
	envpAt := argvAt + 8*uint64(len(a.Argv)+1)
	auxAt := pointers
	nameAt := auxAt + 16*len(aux)
	w.at, w.str = 0, auxAt+AuxSize
	w.word(uint64(len(a.Argv)))
	w.vector(a.Argv)
	w.vector(a.Envp)
	for _, e := range aux {
		if e.typ == netbsd.AT_SUN_EXECNAME {
			e.val = sp + uint64(nameAt)
			copy(w.b[nameAt:auxAt+AuxSize-1], a.ExecPath) // which is shorter than PATH_MAX
		}
		w.word(e.typ)
		w.word(e.val)
	}
	w.at = len(w.b) - PSStringsSize
	w.word(argvAt)
	w.word(uint64(len(a.Argv)))
	w.word(envpAt)
	w.word(uint64(len(a.Envp)))
	return &Stack{SP: sp, PSStrings: top - PSStringsSize, Bytes: w.b}, 0
}

// AuxSize is ELF64_AUXSIZE of exec_elf64.c, es_arglen: room for ELF_AUX_ENTRIES, and for the path. So much is shown of the vector and what is behind it (proc_getauxv).
const AuxSize = 15*16 + netbsd.PATH_MAX + 8

type auxEntry struct{ typ, val uint64 }

func (a *StackArgs) auxv(top uint64) []auxEntry {
	m := a.Image
	if m == nil {
		m = &Image{}
	}
	entry, base := a.Entry, a.StackBase
	if entry == 0 {
		entry = m.Entry
	}
	if base == 0 {
		base = top
	}
	l := []auxEntry{ // in the order of elf_populate_auxv
		{netbsd.AT_PHDR, m.Phdr},
		{netbsd.AT_PHENT, m.Phent},
		{netbsd.AT_PHNUM, m.Phnum},
		{netbsd.AT_PAGESZ, netbsd.PageSize},
		{netbsd.AT_BASE, a.InterpBase},
		{netbsd.AT_FLAGS, 0},
		{netbsd.AT_ENTRY, entry},
		{netbsd.AT_STACKBASE, base},
		{netbsd.AT_EUID, uint64(a.EUID)},
		{netbsd.AT_RUID, uint64(a.RUID)},
		{netbsd.AT_EGID, uint64(a.EGID)},
		{netbsd.AT_RGID, uint64(a.RGID)},
	}
	if a.ExecPath != "" {
		l = append(l, auxEntry{netbsd.AT_SUN_EXECNAME, 0})
	}
	return append(l, auxEntry{netbsd.AT_NULL, 0})
}

// stackWriter writes words at one place and strings at another.
type stackWriter struct {
	base    uint64 // address of b[0]
	b       []byte
	at, str int
}

func (w *stackWriter) word(v uint64) {
	le.PutUint64(w.b[w.at:], v)
	w.at += 8
}

func (w *stackWriter) vector(l []string) {
	for _, s := range l {
		w.word(w.base + uint64(w.str))
		copy(w.b[w.str:], s)
		w.str += len(s) + 1
	}
	w.word(0)
}

func stringsLen(l []string) (n int) {
	for _, s := range l {
		n += len(s) + 1
	}
	return n
}
