package programs

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"toaster"
	"toaster/internal/npm"
)

// esbuilds are prebuilt executables of four generations of Go: 1.26, 1.20, 1.19, 1.18.
var esbuilds = []struct{ pkg, version string }{
	{"@esbuild/netbsd-x64", "0.28.2"},
	{"@esbuild/netbsd-x64", "0.21.5"},
	{"@esbuild/netbsd-x64", "0.17.19"},
	{"esbuild-netbsd-64", "0.15.18"},
}

func TestEsbuildPrintsItsVersion(t *testing.T) {
	for _, e := range esbuilds {
		t.Run(e.version, func(t *testing.T) {
			exe := esbuild(t, e.pkg+"@"+e.version)
			out, err := toaster.Command(exe, "--version").Output()
			if err != nil || strings.TrimSpace(string(out)) != e.version {
				t.Errorf("esbuild --version: %q, %v; want %q", out, err, e.version)
			}
		})
	}
}

// TestEsbuildBundlesAsOnLinux bundles and minifies react-dom with react: the result
// must be, byte for byte, what the Linux executable of the same version writes.
func TestEsbuildBundlesAsOnLinux(t *testing.T) {
	netbsd := esbuild(t, "@esbuild/netbsd-x64@0.28.2")
	linux := esbuild(t, "@esbuild/linux-x64@0.28.2")
	dir := t.TempDir()
	had(t, npm.MakeApp(dir))

	native := exec.Command(linux, npm.BundleArgs("linux/out.js")...)
	native.Dir = dir
	if out, err := native.CombinedOutput(); err != nil {
		t.Fatalf("esbuild on Linux: %v\n%s", err, out)
	}
	guest := toaster.Command(netbsd, npm.BundleArgs("netbsd/out.js")...)
	guest.Dir = dir
	if out, err := guest.CombinedOutput(); err != nil {
		t.Fatalf("esbuild under toaster: %v\n%s", err, out)
	}
	for _, name := range []string{"out.js", "out.js.map"} {
		want := read(t, filepath.Join(dir, "linux", name))
		got := read(t, filepath.Join(dir, "netbsd", name))
		if len(want) < 1000 || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes under toaster, %d on Linux, and not the same", name, len(got), len(want))
		}
	}
}

// esbuild returns the executable of one of esbuild's packages.
func esbuild(t *testing.T, pkg string) string {
	t.Helper()
	exe, err := npm.Esbuild(pkg)
	had(t, err)
	return exe
}

// had skips the test where npm cannot get what it runs.
func had(t *testing.T, err error) {
	t.Helper()
	if errors.Is(err, npm.ErrUnavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
