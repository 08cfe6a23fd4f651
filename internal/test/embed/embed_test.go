package embed

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"toaster/internal/guesttest"
)

const guest = `package main

import "os"

func main() {
	println("hello")
	os.Exit(3)
}
`

// A module outside the repository builds and runs with the commands of README, each of its
// ways: offline, with what the module cache has.
func TestAnotherModule(t *testing.T) {
	ways := readmeWays(t)
	exe := guesttest.Build(t, guest)
	for _, way := range ways {
		t.Run(strings.Fields(way)[1], func(t *testing.T) {
			dir := anotherModule(t)
			for line := range strings.Lines(way) {
				command(t, dir, "sh", "-c", line)
			}
			out := command(t, dir, "go", "run", ".", exe)
			if want := "kern: status 7\ntoaster: hello\n"; out != want {
				t.Errorf("it says %q, want %q", out, want)
			}
		})
	}
}

// README's example of kern is the one that the module above runs.
func TestReadmeExample(t *testing.T) {
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("testdata/app/main.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range strings.Split(string(readme), "```go\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		if !strings.Contains(block, "kern.New") {
			continue
		}
		if !strings.Contains(string(source), "\t"+strings.ReplaceAll(strings.TrimSpace(block), "\n", "\n\t")) {
			t.Errorf("testdata/app does not have README's example:\n%s", block)
		}
		return
	}
	t.Error("README has no example of kern")
}

// readmeWays returns the blocks of commands in README that make the module known to another.
func readmeWays(t *testing.T) (ways []string) {
	t.Helper()
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range strings.Split(string(readme), "```sh\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		if strings.HasPrefix(block, "go mod ") || strings.HasPrefix(block, "go work ") {
			ways = append(ways, block)
		}
	}
	if len(ways) != 2 {
		t.Fatalf("README has %d ways to use the module, want replace and go.work: %q", len(ways), ways)
	}
	return ways
}

// anotherModule makes a module with the program of testdata, and beside it the clone that
// README speaks of: this repository.
func anotherModule(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	beside := t.TempDir()
	dir := filepath.Join(beside, "app")
	source, err := os.ReadFile("testdata/app/main.go")
	if err == nil {
		err = os.Symlink(root, filepath.Join(beside, "toaster"))
	}
	if err == nil {
		err = os.Mkdir(dir, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "main.go"), source, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	command(t, dir, "go", "mod", "init", "example.org/app")
	return dir
}

// command runs one of the go command's, offline. -trimpath makes what is built in one
// temporary directory good for the next.
func command(t *testing.T, dir string, argv ...string) string {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOPROXY=off", "GOSUMDB=off", "GOFLAGS=-mod=mod -trimpath -buildvcs=false", "GOWORK=")
	if strings.Contains(strings.Join(argv, " "), "go work") || exists(filepath.Join(dir, "go.work")) {
		cmd.Env = append(cmd.Env, "GOFLAGS=-trimpath -buildvcs=false") // -mod=mod is not for workspaces
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", argv, err, out)
	}
	return string(out)
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}
