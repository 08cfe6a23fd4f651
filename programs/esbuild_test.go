package programs

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"toaster"
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
			exe := filepath.Join(npmPackage(t, e.pkg+"@"+e.version), "bin", "esbuild")
			out, err := toaster.Command(exe, "--version").Output()
			if err != nil || strings.TrimSpace(string(out)) != e.version {
				t.Errorf("esbuild --version: %q, %v; want %q", out, err, e.version)
			}
		})
	}
}

const app = `import React from 'react';
import { createRoot } from 'react-dom/client';
function App() { return <h1>Hello {React.version}</h1>; }
createRoot(document.getElementById('root')).render(<App />);
`

// TestEsbuildBundlesAsOnLinux bundles and minifies react-dom with react: the result
// must be, byte for byte, what the Linux executable of the same version writes.
func TestEsbuildBundlesAsOnLinux(t *testing.T) {
	netbsd := filepath.Join(npmPackage(t, "@esbuild/netbsd-x64@0.28.2"), "bin", "esbuild")
	linux := filepath.Join(npmPackage(t, "@esbuild/linux-x64@0.28.2"), "bin", "esbuild")
	dir := project(t)

	args := func(out string) []string {
		return []string{"app.jsx", "--bundle", "--minify", "--sourcemap", "--log-level=warning",
			`--define:process.env.NODE_ENV="production"`, "--outfile=" + out}
	}
	native := exec.Command(linux, args("linux/out.js")...)
	native.Dir = dir
	if out, err := native.CombinedOutput(); err != nil {
		t.Fatalf("esbuild on Linux: %v\n%s", err, out)
	}
	guest := toaster.Command(netbsd, args("netbsd/out.js")...)
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

// project makes a folder with a small program and the packages that it uses.
func project(t *testing.T) string {
	dir := t.TempDir()
	for _, p := range []string{"react@19.1.0", "react-dom@19.1.0", "scheduler@0.26.0"} {
		name, _, _ := strings.Cut(p, "@")
		to := filepath.Join(dir, "node_modules", name)
		if err := os.CopyFS(to, os.DirFS(npmPackage(t, p))); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "app.jsx"), []byte(app), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
