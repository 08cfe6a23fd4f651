package ci

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha512"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"toaster/internal/guesttest"
)

// setsVariable names a directory with the sets of a release, base, etc and comp, and their SHA512 list, for the examples that
// take a compiler or what programs are linked with.
const setsVariable = "TOASTER_TEST_SETS"

// runner is what GitHub's runner passes to steps: directories, and files for what they tell later ones.
type runner struct {
	t              *testing.T
	top, workspace string
	repository     string
	env            []string
	path           string
	said           strings.Builder
}

func newRunner(t *testing.T) *runner {
	t.Helper()
	repository, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	r := &runner{t: t, top: t.TempDir(), repository: repository, path: os.Getenv("PATH")}
	r.workspace = filepath.Join(r.top, "checkout")
	for _, dir := range []string{r.workspace, filepath.Join(r.top, "temp")} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// step runs a script, as "shell: bash" does, and keeps what it tells later steps.
func (r *runner) step(script string, env ...string) error {
	r.t.Helper()
	path, vars, output := filepath.Join(r.top, "path"), filepath.Join(r.top, "env"), filepath.Join(r.top, "output")
	for _, name := range []string{path, vars, output} {
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			r.t.Fatal(err)
		}
	}
	cmd := exec.Command("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script)
	cmd.Dir = r.workspace
	cmd.Env = slices.Concat(os.Environ(), r.env, env, []string{
		"CI=true", "PATH=" + r.path, "RUNNER_TEMP=" + filepath.Join(r.top, "temp"), "GITHUB_WORKSPACE=" + r.workspace, "GITHUB_ACTION_PATH=" + r.repository,
		"GITHUB_PATH=" + path, "GITHUB_ENV=" + vars, "GITHUB_OUTPUT=" + output,
	})
	out, err := cmd.CombinedOutput()
	r.said.Write(out)
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", script, err, out)
	}
	for _, dir := range lines(r.t, path) {
		r.path = dir + ":" + r.path
	}
	r.env = append(r.env, lines(r.t, vars)...)
	return nil
}

func lines(t *testing.T, name string) []string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.FieldsFunc(string(b), func(c rune) bool { return c == '\n' })
}

// action is a step that uses action.yml, with some inputs.
func (r *runner) action(inputs map[string]string) error {
	r.t.Helper()
	var env []string
	for name, value := range inputs {
		env = append(env, "INPUT_"+strings.ToUpper(name)+"="+value)
	}
	steps := []string{"install"}
	if inputs["run"] != "" || inputs["sets"] != "" {
		steps = append(steps, "root")
	}
	if inputs["run"] != "" {
		steps = append(steps, "run")
	}
	for _, step := range steps {
		if err := r.step(`"$GITHUB_ACTION_PATH/.ci/action" `+step, env...); err != nil {
			return err
		}
	}
	return nil
}

// workflowStep is a step of a workflow: what it uses, with what, or what it runs.
type workflowStep struct {
	uses, run string
	with      map[string]string
}

// readWorkflow reads the steps of the examples' plain form of YAML: one job, keys in lines of their own, and
// blocks of text after "|".
func readWorkflow(t *testing.T, name string) (steps []workflowStep) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	_, text, ok := strings.Cut(string(b), "\n    steps:\n")
	if !ok {
		t.Fatalf("%s has no steps", name)
	}
	var block *string
	with := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if rest, in := strings.CutPrefix(line, "            "); in && block != nil {
			*block += rest + "\n"
			continue
		}
		if block != nil {
			steps[len(steps)-1].with[with], block = *block, nil
		}
		if first, ok := strings.CutPrefix(line, "      - "); ok {
			steps, line = append(steps, workflowStep{with: map[string]string{}}), first
		}
		s := &steps[len(steps)-1]
		key, value, ok := strings.Cut(strings.TrimSpace(line), ": ")
		switch {
		case !ok && strings.TrimSpace(line) == "with:":
		case !ok:
			t.Fatalf("%s: a line that the test does not understand: %q", name, line)
		case key == "uses":
			s.uses = value
		case key == "run" && s.uses == "":
			s.run = value
		case value == "|":
			with, block = key, new(string)
		default:
			s.with[key] = value
		}
	}
	if block != nil {
		steps[len(steps)-1].with[with] = *block
	}
	return steps
}

// TestExamples takes the steps of each example's workflow, with its project as the checkout.
func TestExamples(t *testing.T) {
	for _, c := range []struct {
		name  string
		needs []string // programs of the runner's
		sets  []string // that the tree needs
		says  []string // as steps print
	}{
		{"go", nil, nil, []string{"ok  \texample.org/greet"}},
		{"autoconf", []string{"autoreconf"}, []string{"base", "etc", "comp"}, []string{"# PASS:  1", "checking for kqueue... yes"}},
		{"cmake", []string{"cmake", "ctest", "clang", "ld.lld"}, []string{"base", "etc", "comp"}, []string{"100% tests passed"}},
		{"rust", []string{"rustup", "cargo", "clang", "ld.lld"}, []string{"base", "etc", "comp"}, []string{"2 passed"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			from := os.Getenv(setsVariable)
			if len(c.sets) > 0 && from == "" {
				t.Skipf("%s names no directory with the sets %s of a release", setsVariable, strings.Join(c.sets, ", "))
			}
			for _, program := range c.needs {
				if _, err := exec.LookPath(program); err != nil {
					t.Skipf("%s is not installed", program)
				}
			}
			if c.name == "rust" && !hasTarget() {
				t.Skip("rustup has no target x86_64-unknown-netbsd here, and a test does not install it")
			}
			r := newRunner(t)
			if err := os.CopyFS(r.workspace, os.DirFS(filepath.Join(r.repository, "examples/ci/testdata", c.name))); err != nil {
				t.Fatal(err)
			}
			r.steps(readWorkflow(t, filepath.Join(r.repository, "examples/ci", c.name+".yml")), from)
			for _, want := range c.says {
				if !strings.Contains(r.said.String(), want) {
					t.Errorf("no %q in\n%s", want, r.said.String())
				}
			}
		})
	}
}

// hasTarget reports whether rustc can build for NetBSD.
func hasTarget() bool {
	dir, err := exec.Command("rustc", "--print", "target-libdir", "--target", "x86_64-unknown-netbsd").Output()
	if err != nil {
		return false
	}
	_, err = os.Stat(strings.TrimSpace(string(dir)))
	return err == nil
}

// steps takes the steps of a workflow. The sets are this machine's.
func (r *runner) steps(steps []workflowStep, from string) {
	r.t.Helper()
	for _, s := range steps {
		var err error
		switch {
		case strings.HasPrefix(s.uses, "actions/checkout@"):
		case strings.HasPrefix(s.uses, "OWNER/toaster@"):
			if from != "" {
				s.with["from"] = from
			}
			err = r.action(s.with)
		case s.uses != "":
			r.t.Fatalf("the test does not know what %s does", s.uses)
		default:
			err = r.step(s.run)
		}
		if err != nil {
			r.t.Fatal(err)
		}
	}
}

// guestShell is a shell of sorts: it says how it was started, writes a file where it is, and changes its owner. Programs that are
// not it, it executes; a script it shows.
const guestShell = `package main

import (
	"fmt"
	"os"
	"syscall"
)

func main() {
	if len(os.Args) > 4 && os.Args[4] != "/bin/sh" {
		fmt.Println(syscall.Exec(os.Args[4], os.Args[4:], os.Environ()))
		os.Exit(126)
	}
	if len(os.Args) == 7 && os.Args[5] == "-e" {
		script, err := os.ReadFile(os.Args[6])
		fmt.Printf("script %q, %v, GREETING=%s, as %d in %s\n", script, err, os.Getenv("GREETING"), os.Getuid(), os.Getenv("HOME"))
		fmt.Println("written:", os.WriteFile(os.Args[6], nil, 0o600) == nil)
		return
	}
	dir, _ := os.Getwd()
	fmt.Printf("%q in %s as %d, CI=%s\n", os.Args[1:], dir, os.Getuid(), os.Getenv("CI"))
	if err := os.WriteFile("made", []byte("by NetBSD"), 0o600); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	if err := os.Chown("made", 7, 8); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	if len(os.Args) > 4 && os.Args[len(os.Args)-1] == "exit 3" {
		os.Exit(3)
	}
}
`

// writeSets makes a directory of sets: base with that shell, etc with a list of users.
func writeSets(t *testing.T) string {
	t.Helper()
	sh, err := os.ReadFile(guesttest.Build(t, guestShell))
	if err != nil {
		t.Fatal(err)
	}
	dir, sums := t.TempDir(), ""
	for set, f := range map[string]struct {
		name string
		text []byte
	}{"base": {"./bin/sh", sh}, "etc": {"./etc/passwd", []byte("root:*:0:0:Charlie &:/root:/bin/sh\n")}} {
		var out bytes.Buffer
		z := gzip.NewWriter(&out)
		w := tar.NewWriter(z)
		w.WriteHeader(&tar.Header{Name: f.name, Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(f.text))})
		w.Write(f.text)
		if err := cmp.Or(w.Close(), z.Close(), os.WriteFile(filepath.Join(dir, set+".tgz"), out.Bytes(), 0o644)); err != nil {
			t.Fatal(err)
		}
		sums += fmt.Sprintf("SHA512 (%s.tgz) = %x\n", set, sha512.Sum512(out.Bytes()))
	}
	if err := os.WriteFile(filepath.Join(dir, "SHA512"), []byte(sums), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestActionRun is a step with a command: it runs in a tree, as its root, in the checkout by the name that the runner has for it; what it
// leaves there is the runner's own, and its failure is the step's.
func TestActionRun(t *testing.T) {
	sets := writeSets(t)
	r := newRunner(t)
	if err := r.action(map[string]string{"run": "make 'check'\nmake test\n", "from": sets, "network": "none"}); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("%q in %s as 0, CI=true\n", []string{"-c", `"$@"`, "sh", "/bin/sh", "-ec", "make 'check'\nmake test\n"}, r.workspace)
	if !strings.HasSuffix(r.said.String(), want) {
		t.Errorf("it says\n%s, want at its end\n%s", r.said.String(), want)
	}
	var st syscall.Stat_t
	if err := syscall.Stat(filepath.Join(r.workspace, "made"), &st); err != nil || os.Geteuid() != 0 && int(st.Uid) != os.Geteuid() {
		t.Errorf("what was made is %d's, %v", st.Uid, err)
	}
	if err := r.step("netbsd /bin/sh -c 'exit 3'"); err == nil || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("a command that fails: %v", err)
	}
	if err := r.step(`test -x "$TOASTER_ROOT/bin/sh" && toaster version && GOOS=netbsd go env GOOS`); err != nil {
		t.Error(err)
	}
}

// TestActionShell is a job whose steps say "shell: netbsd /bin/sh -e {0}": the runner writes a step's script where it has files of its
// own, which are there in the tree, to be read. The inputs say whom it runs as, and with which variables.
func TestActionShell(t *testing.T) {
	r := newRunner(t)
	r.env = append(r.env, "GREETING=hi there", "NOT_NAMED=x")
	if err := r.action(map[string]string{"sets": "base,etc", "from": writeSets(t), "network": "none", "user": "runner", "envs": "GREETING UNSET"}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(r.said.String(), "not on PATH") {
		t.Errorf("who has nothing to add to PATH is told so:\n%s", r.said.String())
	}
	script := filepath.Join(r.top, "temp/step.sh")
	if err := os.WriteFile(script, []byte("make check\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := r.step("netbsd /bin/sh -e " + script); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("script \"make check\\n\", <nil>, GREETING=hi there, as %d in /tmp\nwritten: false\n", os.Getuid())
	if !strings.HasSuffix(r.said.String(), want) {
		t.Errorf("it says\n%s, want at its end\n%s", r.said.String(), want)
	}
}

// TestActionExec is Go's tests in the tree: the go command makes its executables where the tree has them.
func TestActionExec(t *testing.T) {
	r := newRunner(t)
	for name, text := range map[string]string{"go.mod": "module m\n\ngo 1.26\n", "m_test.go": `package m

import (
	"os"
	"testing"
)

func Test(t *testing.T) {
	b, err := os.ReadFile("/etc/passwd")
	t.Log(os.Getuid(), string(b), err)
}
`} {
		if err := os.WriteFile(filepath.Join(r.workspace, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.action(map[string]string{"sets": "base,etc", "from": writeSets(t), "network": "none"}); err != nil {
		t.Fatal(err)
	}
	if err := r.step("GOTMPDIR=$RUNNER_TEMP GOOS=netbsd go test -v -exec netbsd ./..."); err != nil {
		t.Fatal(err)
	}
	if want := "0 root:*:0:0:Charlie &:/root:/bin/sh"; !strings.Contains(r.said.String(), want) {
		t.Errorf("no %q in\n%s", want, r.said.String())
	}
}

// TestActionRefuses: an input that cannot be is named.
func TestActionRefuses(t *testing.T) {
	for name, value := range map[string]string{"user": "nobody", "envs": "A $(id)"} {
		r := newRunner(t)
		if err := r.action(map[string]string{name: value}); err == nil || !strings.Contains(err.Error(), name+": ") {
			t.Errorf("%s %q: %v", name, value, err)
		}
	}
}

// TestActionFile: action.yml says what its script is told, and nothing else.
func TestActionFile(t *testing.T) {
	b, err := os.ReadFile("../../../action.yml")
	if err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile("../../../.ci/action")
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	_, inputs, _ := strings.Cut(text, "\ninputs:\n")
	inputs, _, _ = strings.Cut(inputs, "\noutputs:\n")
	for line := range strings.Lines(inputs) {
		name, ok := strings.CutSuffix(strings.TrimRight(line, "\n"), ":")
		if name = strings.TrimPrefix(name, "  "); !ok || strings.HasPrefix(name, " ") {
			continue
		}
		told := fmt.Sprintf("INPUT_%s: ${{ inputs.%s }}\n", strings.ToUpper(name), name)
		if strings.Count(text, told) != 3 || !strings.Contains(string(script), "INPUT_"+strings.ToUpper(name)) {
			t.Errorf("the steps are not all told of %s, or do not look at it", name)
		}
	}
	for _, step := range []string{"install", "root", "run"} {
		if strings.Count(text, `run: '"$GITHUB_ACTION_PATH/.ci/action" `+step+"'\n") != 1 {
			t.Errorf("no step does %s", step)
		}
	}
}

// TestExamplesAreNamed: each example has a project, and doc/ci.md shows its workflow as it is.
func TestExamplesAreNamed(t *testing.T) {
	doc, err := os.ReadFile("../../../doc/ci.md")
	if err != nil {
		t.Fatal(err)
	}
	names, err := fs.Glob(os.DirFS("../../../examples/ci"), "*.yml")
	if err != nil || len(names) != 4 {
		t.Fatalf("%q, %v", names, err)
	}
	for _, name := range names {
		if !strings.Contains(string(doc), "../examples/ci/"+name) {
			t.Errorf("doc/ci.md does not name %s", name)
		}
		if st, err := os.Stat(filepath.Join("../../../examples/ci/testdata", strings.TrimSuffix(name, ".yml"))); err != nil || !st.IsDir() {
			t.Errorf("%s has no project: %v", name, err)
		}
	}
}
