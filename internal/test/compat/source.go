package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"toaster/internal/test/programs"
)

// source returns a directory in which the go command finds a row's packages. Those of a module are
// copied out of the module cache: tests write where they are.
func (r *runner) source(ctx context.Context, row row, dir string) (string, error) {
	if row.module == "" {
		return dir, os.Mkdir(dir, 0o755)
	}
	get := exec.CommandContext(ctx, "go", "mod", "download", "-json", row.module+"@"+row.version)
	get.Dir = r.tmp
	get.Env = append(os.Environ(), "GOWORK=off")
	out, err := get.Output()
	var got struct{ Dir, Error string }
	if e := json.Unmarshal(out, &got); got.Dir == "" {
		return "", fmt.Errorf("%s@%s cannot be had: %s (%v, %v)", row.module, row.version, got.Error, err, e)
	}
	return dir, os.CopyFS(dir, os.DirFS(got.Dir))
}

// insideOf returns a side whose go command is a guest, with the rest of Go's toolchain.
func (r *runner) insideOf(ctx context.Context, s side, dir string) (side, error) {
	root := filepath.Join(dir, "goroot")
	if err := programs.MakeToolchain(ctx, root); err != nil {
		return s, err
	}
	s.gocmd = []string{filepath.Join(r.tmp, "bin", "toaster"), "run", filepath.Join(root, "bin", "go")}
	s.env = append(s.env, "GOROOT="+root, "GOCACHE="+filepath.Join(dir, "cache"), "GOMODCACHE="+modCache(ctx), "GOPROXY=off", "GOFLAGS=")
	return s, nil
}

// modCache is where the host's go command keeps modules.
func modCache(ctx context.Context) string {
	out, _ := exec.CommandContext(ctx, "go", "env", "GOMODCACHE").Output()
	return strings.TrimSpace(string(out))
}

// repository returns the directory of the module that has this command.
func repository() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("go list -m: %w; run it in toaster's repository", err)
	}
	return strings.TrimSpace(string(out)), nil
}
