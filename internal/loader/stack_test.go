package loader

import (
	"fmt"
	"strings"
	"testing"

	"toaster/netbsd"
)

// dump reads a stack as a program's start-up code does.
func dump(t *testing.T, s *Stack) string {
	t.Helper()
	var out strings.Builder
	at := func(a uint64) []byte { return s.Bytes[a-s.SP:] }
	word := func(a uint64) uint64 { return le.Uint64(at(a)) }
	str := func(a uint64) string { return cString(at(a)) }
	argc, p := word(s.SP), s.SP+8
	fmt.Fprintf(&out, "argc %d\n", argc)
	vec := func(name string) {
		for ; word(p) != 0; p += 8 {
			fmt.Fprintf(&out, "%s %q\n", name, str(word(p)))
		}
		p += 8
	}
	argv := p
	vec("arg")
	envp := p
	vec("env")
	for ; ; p += 16 {
		typ, val := word(p), word(p+8)
		if typ == netbsd.AT_SUN_EXECNAME {
			fmt.Fprintf(&out, "aux %d %q\n", typ, str(val))
			continue
		}
		fmt.Fprintf(&out, "aux %d %#x\n", typ, val)
		if typ == netbsd.AT_NULL {
			break
		}
	}
	ps := s.PSStrings
	if word(ps) != argv || word(ps+8) != argc || word(ps+16) != envp {
		t.Errorf("ps_strings %#x %d %#x %d", word(ps), word(ps+8), word(ps+16), word(ps+24))
	}
	fmt.Fprintf(&out, "nenv %d\n", word(ps+24))
	return out.String()
}

func TestBuildStack(t *testing.T) {
	s, errno := BuildStack(&StackArgs{
		Argv: []string{"prog", "a b", ""}, Envp: []string{"HOME=/"}, ExecPath: "/bin/prog", EUID: 1, RUID: 2, EGID: 3, RGID: 4,
		Image: &Image{Entry: 0x401000, Phdr: 0x400040, Phent: 56, Phnum: 6},
	})
	if errno != 0 {
		t.Fatal(errno)
	}
	want := `argc 3
arg "prog"
arg "a b"
arg ""
env "HOME=/"
aux 3 0x400040
aux 4 0x38
aux 5 0x6
aux 6 0x1000
aux 7 0x0
aux 8 0x0
aux 9 0x401000
aux 13 0x7f7ffffff000
aux 2000 0x1
aux 2001 0x2
aux 2002 0x3
aux 2003 0x4
aux 2014 "/bin/prog"
aux 0 0x0
nenv 1
`
	if got := dump(t, s); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if s.SP%16 != 0 || s.PSStrings != 0x7f7fffffefe0 || s.SP+uint64(len(s.Bytes)) != netbsd.StackTop {
		t.Errorf("sp %#x ps %#x len %d", s.SP, s.PSStrings, len(s.Bytes))
	}
}

// copyargs of kern_exec.c: the strings lie es_arglen behind the auxiliary vector's beginning (ELF64_AUXSIZE), however long that is, so that as much can
// be read of it (proc_getauxv).
func TestBuildStackStrings(t *testing.T) {
	s, errno := BuildStack(&StackArgs{Argv: []string{"prog"}, ExecPath: "/bin/prog", Image: &Image{}})
	if errno != 0 {
		t.Fatal(errno)
	}
	auxv := s.SP + 4*8
	if at := le.Uint64(s.Bytes[8:]); at != auxv+15*16+1024+8 || s.SP%16 != 0 || le.Uint64(s.Bytes[32:]) != netbsd.AT_PHDR {
		t.Errorf("argv[0] is at %#x, the vector at %#x", at, auxv)
	}
}

func TestBuildStackLimit(t *testing.T) {
	big := strings.Repeat("x", netbsd.ARG_MAX-1)
	if _, errno := BuildStack(&StackArgs{Argv: []string{big}}); errno != 0 {
		t.Errorf("exactly ARG_MAX: %v", errno)
	}
	if _, errno := BuildStack(&StackArgs{Argv: []string{big}, Envp: []string{""}}); errno != netbsd.E2BIG {
		t.Errorf("one more: %v", errno)
	}
	if s, errno := BuildStack(&StackArgs{}); errno != 0 || !strings.HasPrefix(dump(t, s), "argc 0\n") {
		t.Errorf("nothing at all: %v", errno)
	}
}

func FuzzBuildStack(f *testing.F) {
	f.Add("a\x00b", "c=d", "/x")
	f.Fuzz(func(t *testing.T, args, env, path string) {
		if strings.ContainsRune(path, 0) {
			return
		}
		argv, envp := strings.Split(args, "\x00"), strings.Split(env, "\x00")
		s, errno := BuildStack(&StackArgs{Argv: argv, Envp: envp, ExecPath: path})
		if errno != 0 {
			return
		}
		out := dump(t, s)
		for _, a := range argv {
			if !strings.Contains(out, fmt.Sprintf("arg %q\n", a)) {
				t.Fatalf("%q is missing in\n%s", a, out)
			}
		}
	})
}
