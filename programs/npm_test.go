package programs

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// npmPackage fetches a package of the npm registry, once per machine, and gives the
// folder with its contents. name is as npm has it, "@scope/name@version".
func npmPackage(t *testing.T, name string) string {
	t.Helper()
	npm, err := exec.LookPath("npm")
	if err != nil {
		t.Skip("npm is not on PATH: it fetches the programs that this test runs")
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	dir := filepath.Join(cache, "toaster-programs", strings.NewReplacer("/", "-", "@", "").Replace(name))
	if _, err := os.Stat(filepath.Join(dir, "package")); err == nil {
		return filepath.Join(dir, "package")
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), "fetch-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(tmp)
	pack := exec.Command(npm, "pack", "--silent", name)
	pack.Dir = tmp
	if out, err := pack.CombinedOutput(); err != nil {
		t.Skipf("npm pack %s: %v\n%s", name, err, out)
	}
	tgz, _ := filepath.Glob(filepath.Join(tmp, "*.tgz"))
	if len(tgz) != 1 {
		t.Fatalf("npm pack %s left %v", name, tgz)
	}
	if out, err := exec.Command("tar", "xzf", tgz[0], "-C", tmp).CombinedOutput(); err != nil {
		t.Fatalf("tar: %v\n%s", err, out)
	}
	// React's packages have other top folders; all have exactly one.
	top, _ := filepath.Glob(filepath.Join(tmp, "*", "package.json"))
	if len(top) != 1 {
		t.Fatalf("%s: no single package.json in %v", name, top)
	}
	if filepath.Base(filepath.Dir(top[0])) != "package" {
		if err := os.Rename(filepath.Dir(top[0]), filepath.Join(tmp, "package")); err != nil {
			t.Fatal(err)
		}
	}
	os.Remove(tgz[0])
	if err := os.Rename(tmp, dir); err != nil && !os.IsExist(err) {
		t.Fatal(err)
	}
	return filepath.Join(dir, "package")
}
