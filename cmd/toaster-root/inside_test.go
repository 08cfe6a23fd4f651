package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha512"
	_ "embed"
	"fmt"
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

// TestOrdinaryUser is a tree's life for somebody without any rights: made of sets whose files are others', used as its root to
// unpack, build and install a project, and by another user of it; on the host everything is the user's, and can be removed.
func TestOrdinaryUser(t *testing.T) {
	top, err := os.MkdirTemp("", "toaster-root")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(top) })
	sets, home := filepath.Join(top, "sets"), filepath.Join(top, "home")
	guestSets(t, sets)
	uid := os.Geteuid()
	os.Mkdir(home, 0o755)
	os.Chmod(top, 0o755)
	if uid == 0 {
		uid = ordinaryUser
		os.Chown(home, uid, uid)
	}
	// The program is copied to where the user can start it.
	self := filepath.Join(top, "toaster-root")
	b, err := os.ReadFile("/proc/self/exe")
	if err == nil {
		err = os.WriteFile(self, b, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	do := func(inside string, args ...string) string {
		t.Helper()
		cmd := exec.Command(self, args...)
		cmd.Dir = home
		cmd.Env = []string{"TOASTER_ROOT_TEST=1" + inside, "HOME=" + home}
		if os.Geteuid() == 0 {
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
		}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%q: %v", args, err)
		}
		return string(out)
	}
	if out := do("", "create", "--quiet", "--no-host-files", "--from", sets, "nb"); out != "" {
		t.Errorf("create says %q", out)
	}
	if out := do("", "check", "nb"); out != "" {
		t.Errorf("check says %q", out)
	}
	want := "unpacked data 1007:8 600\nbuilt\ninstalled prog 0:5 4555\ninstalled data 3:4 640\nlink 1007:8\nanother user: as 0, data: permission denied, passwd: permission denied\n"
	if out := do("inside", "nb", "/bin/build"); out != want {
		t.Errorf("inside:\n%s\nwant\n%s", out, want)
	}
	filepath.WalkDir(filepath.Join(home, "nb"), func(name string, d fs.DirEntry, err error) error {
		var st syscall.Stat_t
		if err == nil {
			err = syscall.Lstat(name, &st)
		}
		if err != nil || int(st.Uid) != uid || d.Type()&fs.ModeSymlink == 0 && st.Mode&(syscall.S_ISUID|syscall.S_ISGID) != 0 {
			t.Errorf("%s on the host: %d, %o, %v", name, st.Uid, st.Mode, err)
		}
		return nil
	})
	do("", "rm", "nb")
	if _, err := os.Lstat(filepath.Join(home, "nb")); err == nil {
		t.Error("rm has left the tree")
	}
}

// insideMain runs a program of a tree as its root, as create does.
func insideMain() int {
	out, err := runOutput(context.Background(), os.Args[1], os.Args[2])
	os.Stdout.Write(out)
	if err != nil {
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
