package ci

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// .ci/apidiff lets additions pass, and what breaks callers only with a word of it in
// CHANGELOG.md. The repository that it judges here is made for the test.
func TestAPIDiff(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("there is no git")
	}
	r := newRepository(t)
	if out, err := r.apidiff(); err != nil || !strings.Contains(out, "there is no tag v* yet") {
		t.Errorf("without a tag: %v\n%s", err, out)
	}
	r.git("tag", "v0.1.0")
	for _, step := range []struct {
		what, file, text string
		passes           bool
		says             string
	}{
		{"nothing changed", "", "", true, "== ./kern since v0.1.0"},
		{"an addition", "kern/kern.go", "package kern\n\nfunc A() {}\n\nfunc B() {}\n", true, "- B: added"},
		{"a removal", "kern/kern.go", "package kern\n\nfunc B() {}\n", false, "- A: removed"},
		{"a removal that an older version had noted", "CHANGELOG.md", "## Unreleased\n\n## v0.1.0\n\n### Incompatible\n", false, "are not in CHANGELOG.md"},
		{"a removal that is noted", "CHANGELOG.md", "## Unreleased\n\n### Incompatible\n\n- A\n\n## v0.1.0\n", true, "- A: removed"},
	} {
		if step.file != "" {
			r.write(step.file, step.text)
		}
		out, err := r.apidiff()
		if (err == nil) != step.passes || !strings.Contains(out, step.says) {
			t.Errorf("%s: %v\n%s", step.what, err, out)
		}
	}
	if out := r.git("worktree", "list"); strings.Count(out, "\n") != 1 {
		t.Errorf("worktrees are left over:\n%s", out)
	}
}

// repository is a module under git with .ci/apidiff and the directories that it looks at.
type repository struct {
	t    *testing.T
	dir  string
	tool string // the apidiff of this module
}

func newRepository(t *testing.T) *repository {
	t.Helper()
	r := &repository{t: t, dir: t.TempDir(), tool: filepath.Join(t.TempDir(), "apidiff")}
	if out, err := exec.Command("go", "build", "-o", r.tool, "golang.org/x/exp/cmd/apidiff").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	script, err := os.ReadFile("../../../.ci/apidiff")
	if err != nil {
		t.Fatal(err)
	}
	r.write(".ci/apidiff", string(script))
	r.write("go.mod", "module example.org/m\n\ngo 1.26.0\n")
	r.write("m.go", "package m\n")
	r.write("kern/kern.go", "package kern\n\nfunc A() {}\n")
	r.write("netbsd/netbsd.go", "package netbsd\n")
	r.write("CHANGELOG.md", "## Unreleased\n")
	r.git("init", "-q")
	r.git("add", ".")
	r.git("commit", "-qm", "one")
	return r
}

func (r *repository) write(name, text string) {
	r.t.Helper()
	name = filepath.Join(r.dir, name)
	err := os.MkdirAll(filepath.Dir(name), 0o755)
	if err == nil {
		err = os.WriteFile(name, []byte(text), 0o755)
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *repository) git(args ...string) string {
	r.t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=A", "-c", "user.email=a@example.org"}, args...)...)
	cmd.Dir = r.dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return string(out)
}

func (r *repository) apidiff() (string, error) {
	cmd := exec.Command("bash", ".ci/apidiff")
	cmd.Dir = r.dir
	cmd.Env = append(os.Environ(), "APIDIFF="+r.tool, "GOPROXY=off")
	out, err := cmd.CombinedOutput()
	return string(out), err
}
