package loader

import (
	"bytes"

	"toaster/netbsd"
)

// scriptMax is how much of a file the kernel looks at: "#!", a path of PATH_MAX, a
// blank before it and the end of the line.
const scriptMax = 2 + netbsd.PATH_MAX + 2

// Script is the first line of a #! file. The interpreter is run with its own name,
// Arg if there is one, the script's path, and the script's arguments but the first.
type Script struct {
	Interp string
	Arg    string // everything behind the interpreter, as one argument
	HasArg bool
}

// Args returns the argument list for the interpreter.
func (s *Script) Args(path string, argv []string) []string {
	out := []string{s.Interp}
	if s.HasArg {
		out = append(out, s.Arg)
	}
	out = append(out, path)
	if len(argv) > 1 {
		out = append(out, argv[1:]...)
	}
	return out
}

// loadScript follows NetBSD's rules: the line must end within the header, blanks
// (space and tab only) before the interpreter and before its argument are skipped,
// and blanks behind the argument belong to it.
func loadScript(head []byte) (*Image, error) {
	end := bytes.IndexByte(head, '\n')
	if end < 0 {
		return nil, fail(BadScript, "it has no end within the first 1028 bytes")
	}
	line := skipBlanks(head[2:end])
	if i := bytes.IndexByte(line, 0); i >= 0 {
		line = line[:i]
	}
	if len(line) == 0 {
		return nil, fail(BadScript, "it names no interpreter")
	}
	s := &Script{}
	i := bytes.IndexAny(line, " \t")
	if i < 0 {
		s.Interp = string(line)
		return &Image{Script: s}, nil
	}
	s.Interp = string(line[:i])
	if arg := skipBlanks(line[i:]); len(arg) > 0 {
		s.Arg, s.HasArg = string(arg), true
	}
	return &Image{Script: s}, nil
}

func skipBlanks(b []byte) []byte { return bytes.TrimLeft(b, " \t") }
