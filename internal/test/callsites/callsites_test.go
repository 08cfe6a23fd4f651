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
	cc, src, root := compilers(t)[0], newSources(t), t.TempDir()
	for out, flags := range map[string]string{
		"sites":     "-static -fno-pic -no-pie sites.c",
		"pie":       "-static-pie -fpie sites.c",
		"dyn":       "-pie -fpie -Wl,--dynamic-linker=/ld sites.c",
		"ld":        "-static-pie -fpie ld.c",
		"shared.so": "-shared -fpic -Wl,-e,table shared.c",
	} {
		compile(t, cc, src, filepath.Join(root, out), "-O1 -std=gnu11 -mno-red-zone -mgeneral-regs-only -fcf-protection=none "+
			"-fno-asynchronous-unwind-tables -fvisibility=hidden -Wl,-z,norelro "+flags)
	}
	return root
}

// compilers returns those on PATH, one at least.
func compilers(t *testing.T) (list []string) {
	t.Helper()
	for _, name := range []string{"gcc", "clang"} {
		if path, err := exec.LookPath(name); err == nil {
			list = append(list, path)
		}
	}
	if len(list) == 0 {
		t.Skip("neither gcc nor clang is on PATH; install one (Debian: apt-get install gcc)")
	}
	return list
}

// newSources is a directory with the programs' sources.
func newSources(t *testing.T) string {
	t.Helper()
	src := t.TempDir()
	if err := os.CopyFS(src, sources); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(src, "programs")
}

// compile makes the program out of a source, which the flags name.
func compile(t *testing.T, cc, src, out, flags string) {
	t.Helper()
	cmd := exec.Command(cc, strings.Fields("-nostdlib -fno-stack-protector -w -Wl,--build-id=none,-z,noexecstack "+flags+" -o "+out)...)
	cmd.Dir = src
	if b, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, b)
	}
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

// Calls that a compiler has made of inline assembly, in C and in C++, work whatever it puts in front of
// them. Of optimised code most need no signal.
func TestInlineCallSites(t *testing.T) {
	src := newSources(t)
	for _, cc := range compilers(t) {
		for _, language := range []string{"c", "c++"} {
			for _, level := range []string{"0", "1", "2", "3", "s"} {
				for _, kind := range []string{"-static -fno-pic -no-pie", "-static-pie -fpie"} {
					t.Run(filepath.Base(cc)+"/"+language+"/O"+level+"/"+strings.Fields(kind)[0], func(t *testing.T) {
						t.Parallel()
						program := filepath.Join(t.TempDir(), "inline")
						compile(t, cc, src, program, "-O"+level+" "+kind+" -fno-builtin -x "+language+" inline.c")
						out, err := toaster.Command(program).CombinedOutput()
						t.Logf("%s", out)
						if err != nil {
							t.Fatal(err)
						}
					})
				}
			}
		}
	}
}
