// Package archtest holds the shape of the project as text that runs: who may import
// whom.
package archtest

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// lattice says what each package may import of this module: "a < b" reads "a is below
// b, and b may import a". What is not said is not allowed.
const lattice = `
	netbsd < image, vm, trace, kern, file, fs, kqueue, tty, syscalls, run, toaster
	image  < run
	vm     < run
	trace  < run, toaster
	kern   < file, kqueue, tty, fs, syscalls, run, toaster
	file   < fs, kqueue, tty, syscalls, run, toaster
	fs     < tty, syscalls, run, toaster
	kqueue < syscalls
	tty    < syscalls, run, toaster
	host   < run, cmd/toaster
	syscalls < run, toaster
	run    < toaster
	internal/guard < kern, host, file, kqueue, tty, fs, trace, run, toaster
	toaster < cmd/toaster
	kern   < cmd/toaster
	netbsd < cmd/toaster
	internal/npm < bench
	internal/hostlimits < file, fs, host, run, toaster
	internal/memprog < fs, host
`

// hostOnly are the packages that may use the host's system calls through x/sys/unix.
var hostOnly = []string{"host", "fs", "file", "tty"}

func TestImports(t *testing.T) {
	allowed := parse(t, lattice)
	for _, p := range list(t) {
		name := short(p.ImportPath)
		if strings.HasPrefix(name, "examples/") || strings.HasPrefix(name, "internal/") || strings.HasPrefix(name, "guests") || name == "programs" || name == "conformance" {
			continue
		}
		for _, imp := range p.Imports {
			if imp == "golang.org/x/sys/unix" && !slices.Contains(hostOnly, name) {
				t.Errorf("%s imports %s; only %v may", name, imp, hostOnly)
			}
			if imp == "net" {
				t.Errorf("%s imports net, which makes the command a dynamic executable where cgo is on", name)
			}
			if imp == "toaster" || strings.HasPrefix(imp, "toaster/") {
				if !allowed[short(imp)+" < "+name] {
					t.Errorf("%s imports %s, which the lattice does not allow", name, short(imp))
				}
			}
		}
	}
}

// TestNoCgo checks that the host's toolchain is never needed.
func TestNoCgo(t *testing.T) {
	for _, p := range list(t) {
		if len(p.CgoFiles) > 0 {
			t.Errorf("%s uses cgo: %v", short(p.ImportPath), p.CgoFiles)
		}
	}
}

type pkg struct {
	ImportPath string
	Imports    []string
	CgoFiles   []string
}

func list(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,CgoFiles", "toaster/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var pkgs []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		pkgs = append(pkgs, p)
	}
}

func short(path string) string {
	if path == "toaster" {
		return path
	}
	return strings.TrimPrefix(path, "toaster/")
}

func parse(t *testing.T, text string) map[string]bool {
	t.Helper()
	allowed := make(map[string]bool)
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		low, highs, ok := strings.Cut(line, "<")
		if !ok {
			t.Fatalf("lattice: no < in %q", line)
		}
		for _, high := range strings.Split(highs, ",") {
			allowed[strings.TrimSpace(low)+" < "+strings.TrimSpace(high)] = true
		}
	}
	return allowed
}
