package programs

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// MakeToolchain makes root a GOROOT whose programs are NetBSD's and whose sources are the host's. It
// needs the host's go command; an error has what that said.
func MakeToolchain(ctx context.Context, root string) error {
	out, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return fmt.Errorf("go env GOROOT: %w", err)
	}
	host := strings.TrimSpace(string(out))
	tools := filepath.Join(root, "pkg", "tool", "netbsd_amd64")
	for _, dir := range []string{filepath.Join(root, "bin"), tools} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	for _, name := range []string{"src", "lib", "VERSION", "go.env", "pkg/include"} {
		if err := os.Symlink(filepath.Join(host, name), filepath.Join(root, name)); err != nil {
			return err
		}
	}
	for pkg, to := range map[string]string{
		"cmd/go": filepath.Join(root, "bin", "go"), "cmd/compile": filepath.Join(tools, "compile"),
		"cmd/asm": filepath.Join(tools, "asm"), "cmd/link": filepath.Join(tools, "link"),
		"cmd/vet": filepath.Join(tools, "vet"),
	} {
		cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", to, pkg)
		cmd.Env = append(os.Environ(), "GOOS=netbsd", "GOARCH=amd64", "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("go build %s: %w\n%s", pkg, err, out)
		}
	}
	return nil
}
