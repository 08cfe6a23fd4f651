package programs

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"toaster"
)

// TestGoToolchain builds the go command, the compiler, the assembler and the linker for
// NetBSD, and has them build a program from source, standard library included, as
// NetBSD processes. The program must be what the host's own go command builds.
func TestGoToolchain(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a toolchain and, with it, the standard library: about a minute")
	}
	root := toolchain(t)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "go.mod"), "module hello\n\ngo 1.26\n")
	write(t, filepath.Join(dir, "main.go"), "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(\"built under toaster\") }\n")

	build := []string{"build", "-trimpath", "-buildvcs=false", "-o"}
	env := append(os.Environ(), "CGO_ENABLED=0", "GOTOOLCHAIN=local", "GOFLAGS=", "GOPROXY=off")
	guest := toaster.Command(filepath.Join(root, "bin", "go"), append(build, "guest", ".")...)
	guest.Dir = dir
	guest.Env = append(env, "GOROOT="+root, "GOCACHE="+filepath.Join(dir, "cache"))
	if out, err := guest.CombinedOutput(); err != nil {
		t.Fatalf("go build under toaster: %v\n%s", err, out)
	}
	native := exec.Command("go", append(build, "native", ".")...)
	native.Dir = dir
	native.Env = append(env, "GOOS=netbsd", "GOARCH=amd64")
	if out, err := native.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	out, err := toaster.Command(filepath.Join(dir, "guest")).Output()
	if err != nil || string(out) != "built under toaster\n" {
		t.Errorf("the program says %q, %v", out, err)
	}
	if string(read(t, filepath.Join(dir, "guest"))) != string(read(t, filepath.Join(dir, "native"))) {
		t.Error("the same source gives different executables under toaster and on the host")
	}
}

// toolchain makes a GOROOT whose programs are NetBSD's and whose source is the host's.
func toolchain(t *testing.T) string {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	host, root := strings.TrimSpace(string(out)), t.TempDir()
	tools := filepath.Join(root, "pkg", "tool", "netbsd_amd64")
	for _, dir := range []string{filepath.Join(root, "bin"), tools} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"src", "lib", "VERSION", "go.env", "pkg/include"} {
		if err := os.Symlink(filepath.Join(host, name), filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	for pkg, to := range map[string]string{
		"cmd/go": filepath.Join(root, "bin", "go"), "cmd/compile": filepath.Join(tools, "compile"),
		"cmd/asm": filepath.Join(tools, "asm"), "cmd/link": filepath.Join(tools, "link"),
	} {
		cmd := exec.Command("go", "build", "-buildvcs=false", "-o", to, pkg)
		cmd.Env = append(os.Environ(), "GOOS=netbsd", "GOARCH=amd64", "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go build %s: %v\n%s", pkg, err, out)
		}
	}
	return root
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
