package main

import (
	"bytes"
	"compress/gzip"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// inRepository skips where there is no commit that a release could be made of.
func inRepository(t *testing.T) {
	t.Helper()
	if out, err := exec.Command("git", "rev-parse", "--verify", "HEAD").CombinedOutput(); err != nil {
		t.Skipf("these sources are not in a git repository, or there is no git: %v\n%s", err, out)
	}
}

// cloned is a clone of this repository, in a directory of its own.
func cloned(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "clone")
	top := run(t, ".", "git", "rev-parse", "--show-toplevel")
	run(t, ".", "git", "clone", "-q", "--no-tags", strings.TrimSpace(top), dir)
	return dir
}

func run(t *testing.T, dir string, argv ...string) string {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v\n%s", argv, err, out)
	}
	return string(out)
}

// made is the directory of a release, which tests that only look share.
var made string

var make123 = sync.OnceValue(func() (err error) {
	if made, err = os.MkdirTemp("", "toaster-release-test-"); err == nil {
		_, err = release(options{repository: ".", version: "1.2.3", out: made, maintainer: "a test <test@localhost>"})
	}
	return err
})

func TestMain(m *testing.M) {
	status := m.Run()
	if made != "" {
		os.RemoveAll(made)
	}
	os.Exit(status)
}

// dist returns the directory of a release 1.2.3.
func dist(t *testing.T) string {
	t.Helper()
	inRepository(t)
	if err := make123(); err != nil {
		t.Fatal(err)
	}
	return made
}

// Two releases of one commit are the same bytes, though made in another directory, of another clone, with another umask, under
// other settings and at another time.
func TestReproducible(t *testing.T) {
	first, second := dist(t), t.TempDir()
	clone := cloned(t)
	other := filepath.Join(t.TempDir(), "another", "place")
	if err := os.MkdirAll(other, 0o777); err != nil {
		t.Fatal(err)
	}
	for k, v := range map[string]string{"TMPDIR": other, "TZ": "Asia/Tokyo", "LC_ALL": "C", "GOFLAGS": "-race", "GOAMD64": "v3", "SOURCE_DATE_EPOCH": "1", "NO_COLOR": "1"} {
		t.Setenv(k, v)
	}
	old := syscall.Umask(0o077)
	names, err := release(options{repository: clone, version: "1.2.3", out: second, maintainer: "a test <test@localhost>"})
	syscall.Umask(old)
	if err != nil {
		t.Fatal(err)
	}
	if len(names) != 4 {
		t.Errorf("files: %q", names)
	}
	for _, name := range names {
		a, err := os.ReadFile(filepath.Join(first, name))
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(second, name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a, b) {
			t.Errorf("%s differs: %d bytes and %d bytes, %s", name, len(a), len(b), firstDifference(a, b))
		}
	}
}

// firstDifference unpacks, if it can, and shows where two files part.
func firstDifference(a, b []byte) string {
	a, b = expand(a), expand(b)
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			from, to := max(0, i-40), min(i+40, len(a), len(b))
			return strings.ToValidUTF8(string(a[from:to])+" / "+string(b[from:to]), "?")
		}
	}
	return "one is the other's beginning"
}

func expand(b []byte) []byte {
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return b
	}
	var out bytes.Buffer
	out.ReadFrom(r)
	return out.Bytes()
}

// The sums are right, and the executables of the archive static; what they are is in them.
func TestArchive(t *testing.T) {
	dir := dist(t)
	run(t, dir, "sha256sum", "-c", "--strict", "SHA256SUMS")
	tmp := t.TempDir()
	run(t, tmp, "tar", "-xzf", filepath.Join(dir, "toaster-1.2.3-linux-amd64.tar.gz"))
	top := filepath.Join(tmp, "toaster-1.2.3")
	checkInstalled(t, top)
	f, err := elf.Open(filepath.Join(top, "bin/toaster"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("the executable is dynamic: %v", p)
		}
	}
}

// checkInstalled runs what was installed below a directory, and looks for its papers.
func checkInstalled(t *testing.T, usr string) {
	t.Helper()
	if out := run(t, usr, "bin/toaster", "version"); !strings.HasPrefix(out, "toaster 1.2.3 ") {
		t.Errorf("version: %q", out)
	}
	for link, want := range map[string]string{
		"bin/go_netbsd_amd64_exec":                         "toaster",
		"bin/toaster-oci":                                  "toaster",
		"share/man/man1/go_netbsd_amd64_exec.1.gz":         "toaster.1.gz",
		"share/bash-completion/completions/toaster-oci":    "toaster",
		"share/fish/vendor_completions.d/toaster-oci.fish": "toaster.fish",
	} {
		if target, err := os.Readlink(filepath.Join(usr, link)); target != want {
			t.Errorf("%s is a link to %q, %v", link, target, err)
		}
	}
	if out := run(t, usr, "bin/toaster-oci", "--version"); !strings.HasPrefix(out, "toaster oci version 1.2.3\n") {
		t.Errorf("version of toaster-oci: %q", out)
	}
	const doc = "share/doc/toaster/"
	for name, text := range map[string]string{
		"share/bash-completion/completions/toaster":    "complete -F _toaster toaster",
		"share/zsh/vendor-completions/_toaster":        "#compdef toaster toaster-oci\n",
		"share/fish/vendor_completions.d/toaster.fish": "for name in toaster toaster-oci\n",
		doc + "copyright":                 "\n== golang.org/x/sys v",
		doc + "README.md":                 "# toaster\n",
		"share/man/man1/toaster-run.1.gz": ".Sh EXIT STATUS\n",
		"share/man/man1/toaster.1.gz":     ".Dt TOASTER 1\n",
		"share/man/man8/toaster-oci.8.gz": ".Dt TOASTER-OCI 8\n",
		doc + "CHANGELOG.md":              "# Changelog\n",
		doc + "doc/system-calls.md":       "fork",
	} {
		data, err := os.ReadFile(filepath.Join(usr, name))
		if err != nil {
			t.Error(err)
		} else if !strings.Contains(string(expand(data)), text) {
			t.Errorf("%s has no %q", name, text)
		}
	}
}

// The sources of a release can be built, with no git about.
func TestSource(t *testing.T) {
	dir, tmp := dist(t), t.TempDir()
	run(t, tmp, "tar", "-xzf", filepath.Join(dir, "toaster-1.2.3.tar.gz"))
	top := filepath.Join(tmp, "toaster-1.2.3")
	run(t, top, "go", "build", "-o", "toaster", "./cmd/toaster")
	if out := run(t, top, "./toaster", "help"); !strings.Contains(out, "toaster run ") {
		t.Errorf("help: %q", out)
	}
}

// dpkg installs the package in an empty root, finds all of it there, and removes it whole.
func TestDebianPackage(t *testing.T) {
	if _, err := exec.LookPath("dpkg"); err != nil {
		t.Skip("there is no dpkg on PATH")
	}
	deb := filepath.Join(dist(t), "toaster_1.2.3_amd64.deb")
	root := t.TempDir()
	for _, dir := range []string{"var/lib/dpkg/info", "var/lib/dpkg/updates"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"status", "available"} {
		if err := os.WriteFile(filepath.Join(root, "var/lib/dpkg", name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	asRoot := becomeRoot(t)
	// dpkg wants programs of root's PATH by name, but runs none of them, as the package has no scripts.
	t.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin")
	dpkg := func(args ...string) string {
		return run(t, ".", slices.Concat(asRoot, []string{"dpkg", "--root=" + root, "--log=/dev/null"}, args)...)
	}
	if got := strings.TrimSpace(run(t, ".", "dpkg-deb", "-f", deb, "Package", "Version", "Architecture", "Maintainer")); got !=
		"Package: toaster\nVersion: 1.2.3\nArchitecture: amd64\nMaintainer: a test <test@localhost>" {
		t.Errorf("control:\n%s", got)
	}
	dpkg("-i", deb)
	if out := dpkg("--verify", "toaster"); out != "" {
		t.Errorf("verify: %s", out)
	}
	if out := dpkg("-s", "toaster"); !strings.Contains(out, "Status: install ok installed") {
		t.Errorf("status: %s", out)
	}
	checkInstalled(t, filepath.Join(root, "usr"))
	if text, err := os.ReadFile(filepath.Join(root, "usr/share/doc/toaster/changelog.gz")); err != nil || !strings.HasPrefix(string(expand(text)), "toaster (1.2.3) unstable; ") {
		t.Errorf("changelog: %q, %v", expand(text), err)
	}
	dpkg("--purge", "toaster")
	if left, err := os.ReadDir(filepath.Join(root, "usr")); err == nil {
		t.Errorf("purge leaves %v", left)
	}
}

// becomeRoot returns the command that makes another run as root, as dpkg makes root the owner of files: that of a user namespace's, if
// this is not root. It skips where there is none.
func becomeRoot(t *testing.T) []string {
	if os.Geteuid() == 0 {
		return nil
	}
	asRoot := []string{"unshare", "--user", "--map-root-user"}
	if out, err := exec.Command(asRoot[0], append(asRoot[1:], "true")...).CombinedOutput(); err != nil {
		t.Skipf("neither root, nor may this user have a user namespace: %v\n%s", err, out)
	}
	return asRoot
}

// ar's members are as deb(5) wants them: headers of 60 bytes, contents from an even place.
func TestAr(t *testing.T) {
	got := string(ar([]file{{name: "debian-binary", data: []byte("odd")}, {name: "b", data: []byte("even")}}, time.Unix(1e9, 0)))
	want := "!<arch>\n" +
		"debian-binary   1000000000  0     0     100644  3         `\nodd\n" +
		"b               1000000000  0     0     100644  4         `\neven"
	if got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// A version can be compared by dpkg, and is of a commit if no tag names it.
func TestVersions(t *testing.T) {
	for v, ok := range map[string]bool{"1.2.3": true, "1.2~rc1": true, "0~git20261127.101500.0123456789ab": true, "v1": false, "": false, "1-2": false, "1/2": false, "1 2": false} {
		if err := checkVersion(v); (err == nil) != ok {
			t.Errorf("%q: %v", v, err)
		}
	}
	dir := filepath.Join(t.TempDir(), "r")
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("there is no git")
	}
	t.Setenv("GIT_COMMITTER_DATE", "2026-11-27T10:15:00Z")
	t.Setenv("GIT_AUTHOR_DATE", "2026-11-27T10:15:00Z")
	git := func(args ...string) {
		run(t, ".", append([]string{"git", "-C", dir, "-c", "user.name=a", "-c", "user.email=a@b"}, args...)...)
	}
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	version := func() string {
		t.Helper()
		c, err := head(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := checkVersion(c.version); err != nil {
			t.Error(err)
		}
		return c.version
	}
	git("init", "-q")
	git("commit", "-q", "--allow-empty", "-m", "one")
	if v := version(); !strings.HasPrefix(v, "0~git20261127.101500.") {
		t.Errorf("without a tag: %q", v)
	}
	git("tag", "v1.2.0")
	if v := version(); v != "1.2.0" {
		t.Errorf("at v1.2.0: %q", v)
	}
	git("commit", "-q", "--allow-empty", "-m", "two")
	if v := version(); !strings.HasPrefix(v, "1.2.0+git20261127.101500.") {
		t.Errorf("after v1.2.0: %q", v)
	}
}
