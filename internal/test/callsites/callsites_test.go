package callsites

import (
	"embed"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"toaster"
)

//go:embed programs
var sources embed.FS

// newRoot is a root with all programs: sites (static), pie, dyn with its linker ld, shared.so.
func newRoot(t *testing.T) string {
	t.Helper()
	cc := ""
	for _, name := range []string{"gcc", "clang"} {
		if path, err := exec.LookPath(name); err == nil {
			cc = path
			break
		}
	}
	if cc == "" {
		t.Skip("neither gcc nor clang is on PATH; install one (Debian: apt-get install gcc)")
	}
	src, root := t.TempDir(), t.TempDir()
	if err := os.CopyFS(src, sources); err != nil {
		t.Fatal(err)
	}
	for out, flags := range map[string]string{
		"sites":     "-static -fno-pic -no-pie sites.c",
		"pie":       "-static-pie -fpie sites.c",
		"dyn":       "-pie -fpie -Wl,--dynamic-linker=/ld sites.c",
		"ld":        "-static-pie -fpie ld.c",
		"shared.so": "-shared -fpic -Wl,-e,table shared.c",
	} {
		args := strings.Fields("-O1 -std=gnu11 -nostdlib -fno-stack-protector -mno-red-zone -mgeneral-regs-only -fcf-protection=none " +
			"-fno-asynchronous-unwind-tables -fvisibility=hidden -w -Wl,--build-id=none,-z,norelro,-z,noexecstack " + flags + " -o")
		cmd := exec.Command(cc, append(args, filepath.Join(root, out))...)
		cmd.Dir = filepath.Join(src, "programs")
		if b, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", cmd, err, b)
		}
	}
	return root
}

// run plays one mode of a program.
func run(t *testing.T, opts toaster.Options, name, mode string) {
	t.Helper()
	cmd := toaster.Command(name, mode)
	cmd.Options = opts
	if out, err := cmd.CombinedOutput(); err != nil || string(out) != "ok\n" {
		t.Errorf("%v, %s", err, out)
	}
}

// What a program does at its call sites is the same by all ways into them, and a look at its code,
// or at where it is, never finds what has become of them.
func TestCallSites(t *testing.T) {
	root := newRoot(t)
	for _, name := range []string{"/sites", "/pie", "/dyn"} {
		for _, mode := range []string{"middle", "step", "interrupted", "exec", "shared", "changed", "again", "traced", "many", "beside"} {
			t.Run(name[1:]+"/"+mode, func(t *testing.T) { run(t, toaster.Options{Root: root}, name, mode) })
		}
	}
}

// With --memory what is rewritten counts.
func TestCallSitesUnderAMemoryLimit(t *testing.T) {
	root := newRoot(t)
	for _, mode := range []string{"middle", "shared", "again", "many"} {
		t.Run(mode, func(t *testing.T) { run(t, toaster.Options{Root: root, Memory: 256 << 20}, "/dyn", mode) })
	}
}
