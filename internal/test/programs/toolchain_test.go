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
// NetBSD, and has them build and test a module from source, standard library included, as
// NetBSD processes. The program must be what the host's own go command builds.
func TestGoToolchain(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a toolchain and, with it, the standard library: about a minute")
	}
	root, dir := t.TempDir(), t.TempDir()
	if err := MakeToolchain(t.Context(), root); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "go.mod"), "module hello\n\ngo 1.26\n")
	write(t, filepath.Join(dir, "main.go"), "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(\"built under toaster\") }\n")
	write(t, filepath.Join(dir, "main_test.go"), mainTest)

	build := []string{"build", "-trimpath", "-buildvcs=false", "-o"}
	env := append(os.Environ(), "CGO_ENABLED=0", "GOTOOLCHAIN=local", "GOFLAGS=", "GOPROXY=off")
	inside := func(args ...string) []byte {
		guest := toaster.Command(filepath.Join(root, "bin", "go"), args...)
		guest.Dir = dir
		guest.Env = append(env, "GOROOT="+root, "GOCACHE="+filepath.Join(dir, "cache"))
		out, err := guest.CombinedOutput()
		if err != nil {
			t.Fatalf("go %s under toaster: %v\n%s", args[0], err, out)
		}
		return out
	}
	inside(append(build, "guest", ".")...)
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
	tested := string(inside("test", "-v", "."))
	if !strings.Contains(tested, "--- PASS: TestSystem ") || !strings.Contains(tested, "--- SKIP: TestOther ") {
		t.Errorf("go test says\n%s", tested)
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// mainTest are the module's tests. The second is there for the count alone.
const mainTest = `package main

import (
	"os"
	"os/exec"
	"runtime"
	"testing"
)

func TestSystem(t *testing.T) {
	if os.Getenv("CHILD") != "" {
		os.Exit(7)
	}
	child := exec.Command(os.Args[0], "-test.run=TestSystem")
	child.Env = append(os.Environ(), "CHILD=1")
	child.Run()
	if code := child.ProcessState.ExitCode(); runtime.GOOS != "netbsd" || code != 7 {
		t.Error(runtime.GOOS, code)
	}
}

func TestOther(t *testing.T) { t.Skip("on purpose") }
`
