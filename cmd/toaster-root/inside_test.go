package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha512"
	_ "embed"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"toaster/internal/guesttest"
)

//go:embed testdata/build.go
var buildGuest string

// ordinaryUser is who root has the commands run as.
const ordinaryUser = 65534

// user is somebody without any rights, with a directory of his own and sets to make trees of.
type user struct {
	t          *testing.T
	uid        int
	home, sets string
	self       string // this program, where the user can start it
}

func newUser(t *testing.T) *user {
	t.Helper()
	top, err := os.MkdirTemp("", "toaster-root")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(top) })
	u := &user{t, os.Geteuid(), filepath.Join(top, "home"), filepath.Join(top, "sets"), filepath.Join(top, "toaster-root")}
	guestSets(t, u.sets)
	os.Mkdir(u.home, 0o755)
	os.Chmod(top, 0o755)
	if u.uid == 0 {
		u.uid = ordinaryUser
		os.Chown(u.home, u.uid, u.uid)
	}
	b, err := os.ReadFile("/proc/self/exe")
	if err == nil {
		err = os.WriteFile(u.self, b, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// command is one of his: toaster-root, or with inside a program in a tree, as its root.
func (u *user) command(inside string, args ...string) *exec.Cmd {
	cmd := exec.Command(u.self, args...)
	cmd.Dir = u.home
	cmd.Env = []string{"TOASTER_ROOT_TEST=1" + inside, "HOME=" + u.home}
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(u.uid), Gid: uint32(u.uid)}}
	}
	return cmd
}

func (u *user) do(inside string, args ...string) string {
	u.t.Helper()
	out, err := u.command(inside, args...).CombinedOutput()
	if err != nil {
		u.t.Errorf("%q: %v", args, err)
	}
	return string(out)
}

// owns checks that all of a tree is his on the host, and that no set-id bit counts there.
func (u *user) owns(tree string) {
	u.t.Helper()
	filepath.WalkDir(filepath.Join(u.home, tree), func(name string, d fs.DirEntry, err error) error {
		var st syscall.Stat_t
		if err == nil {
			err = syscall.Lstat(name, &st)
		}
		if err != nil || int(st.Uid) != u.uid || d.Type()&fs.ModeSymlink == 0 && st.Mode&(syscall.S_ISUID|syscall.S_ISGID) != 0 {
			u.t.Errorf("%s on the host: %d, %o, %v", name, st.Uid, st.Mode, err)
		}
		return nil
	})
}

// TestOrdinaryUser is a tree's life for somebody without any rights: made of sets whose files are others', used as its root to
// unpack, build and install a project, and by another user of it; on the host everything is the user's, and can be removed.
func TestOrdinaryUser(t *testing.T) {
	u := newUser(t)
	if out := u.do("", "create", "--quiet", "--no-host-files", "--from", u.sets, "nb"); out != "" {
		t.Errorf("create says %q", out)
	}
	if out := u.do("", "check", "nb"); out != "" {
		t.Errorf("check says %q", out)
	}
	want := "unpacked data 1007:8 600\nbuilt\ninstalled prog 0:5 4555\ninstalled data 3:4 640\nlink 1007:8\nanother user: as 0, data: permission denied, passwd: permission denied\n"
	if out := u.do("inside", "nb", "/bin/build"); out != want {
		t.Errorf("inside:\n%s\nwant\n%s", out, want)
	}
	u.owns("nb")
	u.do("", "rm", "nb")
	if _, err := os.Lstat(filepath.Join(u.home, "nb")); err == nil {
		t.Error("rm has left the tree")
	}
}

// TestBuildIsKilled: several jobs at once make files, change their owners and put them in their places, as make -j install does, and remove and make them
// again, whose inodes come again; toaster is killed meanwhile. Whatever has come to its place belongs to whom it was given to, for the next machine
// in the tree: chown(2) comes before rename(2). Links and FIFOs have no attributes to keep that.
func TestBuildIsKilled(t *testing.T) {
	u := newUser(t)
	u.do("", "create", "--quiet", "--no-host-files", "--from", u.sets, "nb")
	seen := 0
	for range 5 {
		jobs := u.command("inside", "nb", "/bin/build", "jobs")
		out, err := jobs.StdoutPipe()
		if err == nil {
			err = jobs.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(out).ReadString('\n'); line != "under way\n" {
			t.Errorf("jobs say %q, %v", line, err)
		}
		jobs.Process.Kill()
		io.Copy(io.Discard, out) // until the guests have gone, too
		jobs.Wait()
		var n int
		if _, err := fmt.Sscanf(u.do("inside", "nb", "/bin/build", "verify"), "all %d as they were given\n", &n); err != nil {
			t.Fatalf("the next machine: %v\n%s", err, u.do("inside", "nb", "/bin/build", "verify"))
		}
		seen += n
		u.owns("nb")
	}
	if seen == 0 {
		t.Error("no job had put anything in its place")
	}
	u.do("", "rm", "nb")
}

// insideMain runs a program of a tree as its root, as create does.
func insideMain() int {
	cmd := insideCommand(context.Background(), os.Args[1], os.Args[2:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stdout
	if err := cmd.Run(); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

// guestSets makes a directory of sets: base with a program, etc with a list of users.
func guestSets(t *testing.T, dir string) {
	t.Helper()
	prog := guesttest.Build(t, buildGuest)
	b, err := os.ReadFile(prog)
	if err != nil {
		t.Fatal(err)
	}
	os.Mkdir(dir, 0o755)
	var sums strings.Builder
	for set, files := range map[string][]tar.Header{
		"base": {
			{Name: "./bin/build", Mode: 0o555, Typeflag: tar.TypeReg}, {Name: "./tmp", Mode: 0o1777, Typeflag: tar.TypeDir},
			{Name: "./bin/ps", Mode: 0o2555, Gid: 2, Typeflag: tar.TypeReg}, {Name: "./dev/null", Mode: 0o666, Typeflag: tar.TypeChar, Devmajor: 2, Devminor: 2},
		},
		"etc": {{Name: "./etc/passwd", Mode: 0o644, Typeflag: tar.TypeReg}},
	} {
		var out bytes.Buffer
		z := gzip.NewWriter(&out)
		w := tar.NewWriter(z)
		for _, h := range files {
			text := []byte("x")
			if h.Name == "./bin/build" {
				text = b
			}
			if h.Typeflag == tar.TypeReg {
				h.Size = int64(len(text))
			}
			w.WriteHeader(&h)
			w.Write(text[:h.Size])
		}
		w.Close()
		z.Close()
		fmt.Fprintf(&sums, "SHA512 (%s.tgz) = %x\n", set, sha512.Sum512(out.Bytes()))
		if err := os.WriteFile(filepath.Join(dir, set+".tgz"), out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "SHA512"), []byte(sums.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
