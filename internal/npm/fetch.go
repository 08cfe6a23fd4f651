// Package npm gets what tests and the benchmark run of other people's programs: packages
// of the npm registry, and the work that esbuild is given.
package npm

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// ErrUnavailable says that a package cannot be had on this machine: there is no npm, or
// npm did not get it.
var ErrUnavailable = errors.New("not to be had with npm")

// Fetch gets a package, once per machine, and returns the directory with its contents. name
// is as npm has it, "@scope/name@version".
func Fetch(name string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	dir := filepath.Join(cache, "toaster-programs", strings.NewReplacer("/", "-", "@", "").Replace(name))
	contents := filepath.Join(dir, "package")
	if _, err := os.Stat(contents); err == nil {
		return contents, nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), "fetch-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	if err := fetchInto(tmp, name); err != nil {
		return "", err
	}
	// Another process may have been quicker, with the same contents.
	if err := os.Rename(tmp, dir); err != nil && !os.IsExist(err) {
		return "", err
	}
	return contents, nil
}

// fetchInto leaves the contents of a package in the directory "package" of dir.
func fetchInto(dir, name string) error {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return fmt.Errorf("%s: %w: npm is not on PATH", name, ErrUnavailable)
	}
	pack := exec.Command(npm, "pack", "--loglevel=error", name)
	pack.Dir = dir
	if out, err := pack.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: npm pack: %w: %s", name, ErrUnavailable, err, strings.TrimSpace(string(out)))
	}
	tgz, _ := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if len(tgz) != 1 {
		return fmt.Errorf("npm pack %s left %v", name, tgz)
	}
	return unpack(tgz[0])
}

// unpack puts a package's contents into the directory "package" beside its archive, and
// removes the archive.
func unpack(tgz string) error {
	dir := filepath.Dir(tgz)
	if out, err := exec.Command("tar", "xzf", tgz, "-C", dir).CombinedOutput(); err != nil {
		return fmt.Errorf("tar xzf %s: %w: %s", tgz, err, out)
	}
	// React's packages have other top directories; all have exactly one.
	top, _ := filepath.Glob(filepath.Join(dir, "*", "package.json"))
	if len(top) != 1 {
		return fmt.Errorf("%s: no single package.json in %v", tgz, top)
	}
	if got, want := filepath.Dir(top[0]), filepath.Join(dir, "package"); got != want {
		if err := os.Rename(got, want); err != nil {
			return err
		}
	}
	return os.Remove(tgz)
}
