// Package archtest holds the shape of the project as text that runs: who may import
// whom.
package archtest

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// lattice says what each package may import of this module: "a < b" reads "a is below
// b, and b may import a". What is not said is not allowed.
const lattice = `
	netbsd < internal/netbsdroot, internal/owners, internal/aio, internal/core, internal/sysv, internal/mqueue, internal/platform/stub, internal/loader, internal/vm, internal/trace, kern, internal/file, internal/hostfile, internal/socket, internal/filetest, internal/vfs, internal/kqueue, internal/tty, internal/syscalls, internal/machine, toaster
	internal/loader < internal/machine
	internal/core   < internal/machine
	internal/vm     < internal/machine
	internal/trace  < internal/syscalls, internal/machine, toaster
	kern   < internal/aio, internal/sysv, internal/mqueue, internal/kqueue, internal/tty, internal/vfs, internal/syscalls, internal/machine, toaster
	internal/owners < internal/file, internal/hostfile, internal/vfs, internal/netbsdroot
	internal/netbsdroot < cmd/toaster-root
	internal/file   < internal/aio, internal/sysv, internal/mqueue, internal/hostfile, internal/socket, internal/vfs, internal/kqueue, internal/tty, internal/syscalls, internal/machine, toaster
	internal/hostfile < internal/socket, internal/vfs, internal/tty, internal/machine, toaster
	internal/socket < internal/syscalls, internal/machine
	internal/vfs    < internal/tty, internal/syscalls, internal/machine, toaster
	internal/kqueue < internal/syscalls
	internal/mqueue < internal/syscalls
	internal/aio    < internal/syscalls
	internal/sysv   < internal/syscalls, internal/machine
	internal/tty    < internal/syscalls, internal/machine, toaster
	internal/platform/stub    < internal/platform/seccomp, internal/platform
	internal/platform/seccomp < internal/platform, internal/platform/doctor
	internal/platform < internal/machine, internal/platform/doctor
	internal/platform < internal/platform/outside
	internal/platform/outside < internal/machine, internal/platform/doctor, cmd/toaster
	internal/platform/netns  < internal/machine, internal/platform/doctor
	internal/platform/groupwatch < internal/machine
	internal/platform/doctor < cmd/toaster
	internal/syscalls < internal/machine, toaster
	internal/machine  < toaster
	internal/guard < internal/aio, internal/syscalls, kern, internal/platform, internal/platform/outside, internal/file, internal/hostfile, internal/socket, internal/kqueue, internal/tty, internal/vfs, internal/trace, internal/machine, toaster
	internal/hostlimits < internal/oci, internal/file, internal/hostfile, internal/socket, internal/vfs, internal/platform/stub, internal/platform, internal/platform/doctor, internal/machine, toaster
	internal/memprog < internal/vfs, internal/platform/stub, internal/platform, internal/platform/doctor, internal/platform/netns, internal/platform/outside, internal/platform/groupwatch
	toaster < internal/oci, cmd/toaster, cmd/toaster-root
	internal/oci < cmd/toaster
	kern    < internal/oci, cmd/toaster
	netbsd  < internal/oci, cmd/toaster
	internal/cmdline < internal/oci, cmd/toaster, cmd/toaster-root
	internal/npm < bench
`

// hostOnly are the packages that may use the host's system calls through x/sys/unix.
var hostOnly = []string{"internal/platform", "internal/platform/stub", "internal/platform/seccomp", "internal/platform/doctor", "internal/platform/netns", "internal/platform/groupwatch", "internal/platform/outside", "internal/vfs", "internal/hostfile", "internal/socket", "internal/tty", "internal/hostlimits", "internal/memprog", "internal/owners", "internal/netbsdroot", "internal/oci", "cmd/toaster-root"}

func TestImports(t *testing.T) {
	allowed := parse(t, lattice)
	for _, p := range list(t) {
		name := short(p.ImportPath)
		if free(name) {
			continue
		}
		for _, imp := range p.Imports {
			if imp == "golang.org/x/sys/unix" && !slices.Contains(hostOnly, name) {
				t.Errorf("%s imports %s; only %v may", name, imp, hostOnly)
			}
			if imp == "net" && name != "bench/guest" { // no part of the command: it measures sockets
				t.Errorf("%s imports net, which makes the command a dynamic executable where cgo is on", name)
			}
			if inModule(imp) {
				if !allowed[short(imp)+" < "+name] {
					t.Errorf("%s imports %s, which the lattice does not allow", name, short(imp))
				}
			}
		}
	}
}

// free are the packages that are for tests, and the examples: they may use all others.
func free(name string) bool {
	tests := []string{"internal/archtest", "internal/guesttest", "internal/filetest", "internal/hostlike"}
	return slices.Contains(tests, name) || strings.HasPrefix(name, "examples/") ||
		strings.HasPrefix(name, "internal/test/") || strings.HasPrefix(name, "internal/hostlike/")
}

// TestCommandIsSmall: toaster starts with every guest, so nothing below it links what makes it a dynamic executable
// where cgo is on, nor what speaks HTTP. That is for programs beside it, such as toaster-root.
func TestCommandIsSmall(t *testing.T) {
	deps := exec.Command("go", "list", "-deps", "./cmd/toaster")
	deps.Dir = "../.."
	out, err := deps.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for p := range strings.Lines(string(out)) {
		if p = strings.TrimSpace(p); slices.Contains([]string{"net", "net/http", "os/user", "runtime/cgo"}, p) {
			t.Errorf("cmd/toaster links %s", p)
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
	list := exec.Command("go", "list", "-json=ImportPath,Imports,CgoFiles", "./...")
	list.Dir = "../.."
	out, err := list.Output()
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

// module is the path of the module, whatever it is: this package's without its directory.
var module = strings.TrimSuffix(reflect.TypeFor[pkg]().PkgPath(), "/internal/archtest")

// inModule reports whether a package is one of the module's.
func inModule(path string) bool { return path == module || strings.HasPrefix(path, module+"/") }

// short is a path as the lattice writes it: the directory, and toaster for the top one.
func short(path string) string {
	if path == module {
		return "toaster"
	}
	return strings.TrimPrefix(path, module+"/")
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
