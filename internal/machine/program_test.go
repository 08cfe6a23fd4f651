package machine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"toaster/internal/file"
	"toaster/internal/loader"
	"toaster/internal/syscalls"
	"toaster/internal/vfs"
	"toaster/kern"
	"toaster/netbsd"
)

// dirOpener has a directory for its "/". What it opens it counts, so that a test sees
// whether all is closed again.
type dirOpener struct {
	dir     string
	files   []*os.File
	written bool // somebody has them open for writing
}

func (o *dirOpener) OpenExec(name string) (*os.File, string, netbsd.Errno) {
	st, err := os.Stat(filepath.Join(o.dir, name))
	switch {
	case err != nil:
		return nil, "", netbsd.ENOENT
	case !st.Mode().IsRegular() || st.Mode()&0o111 == 0:
		return nil, "", netbsd.EACCES
	}
	f, err := os.Open(filepath.Join(o.dir, name))
	if err != nil {
		return nil, "", netbsd.EIO
	}
	o.files = append(o.files, f)
	return f, name, 0
}

func (o *dirOpener) Stat(_ int, name string, _ bool) (file.Stat, netbsd.Errno) {
	var st syscall.Stat_t
	if syscall.Stat(filepath.Join(o.dir, name), &st) != nil {
		return file.Stat{}, netbsd.ENOENT
	}
	return file.Stat{Mode: st.Mode}, 0
}

func (o *dirOpener) SetIDs(*os.File, os.FileInfo) (mode, uid, gid uint32) { return 0, 0, 0 }

func (o *dirOpener) LastName(f *os.File) string {
	name, _ := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", f.Fd()))
	return filepath.Base(name)
}

func (o *dirOpener) RunText(*os.File) (vfs.Text, netbsd.Errno) {
	if o.written {
		return vfs.Text{}, netbsd.ETXTBSY
	}
	return vfs.Text{}, 0
}

// open is how many of the files are open.
func (o *dirOpener) open() (n int) {
	for _, f := range o.files {
		if _, err := f.Stat(); err == nil {
			n++
		}
	}
	return n
}

// newDirOpener has a program of the host as /bin/prog, which stands for any that can be run,
// and scripts.
func newDirOpener(t *testing.T) *dirOpener {
	t.Helper()
	o := &dirOpener{dir: t.TempDir()}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	os.Mkdir(filepath.Join(o.dir, "bin"), 0o755)
	if err := os.Symlink(exe, filepath.Join(o.dir, "bin/prog")); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"script":  "#!/bin/prog -x y\n",
		"bare":    "#! /bin/prog\n",
		"nested":  "#!/script\n",
		"orphan":  "#!/bin/none\n",
		"garbage": "hello\n",
		"data":    "#!/bin/prog\n",
	} {
		mode := os.FileMode(0o755)
		if name == "data" {
			mode = 0o644
		}
		if err := os.WriteFile(filepath.Join(o.dir, name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

// A script runs its interpreter, with the rest of the line as one argument, then the
// script's name, then the caller's arguments but the first (execve(2)). The process is
// called as the interpreter, whose name check_exec has looked up last (kern_exec.c, pathexec).
func TestLoadScript(t *testing.T) {
	for _, c := range []struct {
		name       string
		argv, want []string
		comm       string
	}{
		{"/bin/prog", []string{"a", "b"}, []string{"a", "b"}, "prog"},
		{"/script", []string{"a", "b"}, []string{"/bin/prog", "-x y", "/script", "b"}, "prog"},
		{"/bare", []string{"a"}, []string{"/bin/prog", "/bare"}, "prog"},
		{"/bare", nil, []string{"/bin/prog", "/bare"}, "prog"},
	} {
		o := newDirOpener(t)
		s := &System{HostPrograms: true}
		p, err := s.load(o, c.name, c.argv, []string{"K=V"})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if !reflect.DeepEqual(p.argv, c.want) || p.path != "/bin/prog" || p.comm != c.comm || !p.host || !reflect.DeepEqual(p.envp, []string{"K=V"}) {
			t.Errorf("%s: %+v", c.name, p)
		}
		p.close()
		if n := o.open(); n != 0 {
			t.Errorf("%s: %d files are left open", c.name, n)
		}
	}
}

// p_comm of a program, or a script's interpreter, that a link leads to is the link's name (pathexec), and in release 2003 the name that it
// leads to: ni_cnd of what namei was asked last (execve1 of NetBSD 1.6 and 2.0).
func TestCommOfALink(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	target := filepath.Base(exe)
	target = target[:min(len(target), netbsd.MAXCOMLEN)]
	for release, want := range map[kern.Release]string{kern.Release11: "prog", kern.Release10: "prog", kern.Release2003: target} {
		for _, name := range []string{"/bin/prog", "/script"} {
			s := &System{HostPrograms: true}
			s.M = kern.New(kern.Config{Release: release})
			defer s.M.Close()
			p, err := s.load(newDirOpener(t), name, []string{"a"}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if p.comm != want || p.path != "/bin/prog" {
				t.Errorf("%v, %s: %s, %s; want %s", release, name, p.path, p.comm, want)
			}
			p.close()
		}
	}
}

// What cannot be run says why, with execve(2)'s errno, and leaves nothing open. Missing is
// only what the caller named itself: a shell looks further along its path then.
func TestLoadFails(t *testing.T) {
	for _, c := range []struct {
		name    string
		hosts   bool // programs of the host can be run
		errno   netbsd.Errno
		missing bool
		says    string
	}{
		{"/none", true, netbsd.ENOENT, true, "no such file"},
		{"/orphan", true, netbsd.ENOENT, false, "its interpreter /bin/none cannot be run"},
		{"/nested", true, netbsd.ENOEXEC, false, "is a script, too"},
		{"/data", true, netbsd.EACCES, false, "mode 0644 has no execute bit"},
		{"/bin", true, netbsd.EACCES, false, loader.DirectoryError().Error()},
		{"/garbage", true, netbsd.ENOEXEC, false, ""},
		{"/bin/prog", false, netbsd.ENOEXEC, false, "Linux"},
		{"/script", false, netbsd.ENOEXEC, false, "its interpreter /bin/prog cannot be run"},
	} {
		o := newDirOpener(t)
		s := &System{HostPrograms: c.hosts}
		p, err := s.load(o, c.name, nil, nil)
		if err == nil {
			t.Errorf("%s: loaded: %+v", c.name, p)
			continue
		}
		if err.Errno != c.errno || err.Missing != c.missing || err.Path != c.name || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, missing %v: %v", c.name, err.Errno, err.Missing, err)
		}
		if !errors.Is(err, c.errno) || errors.Is(err, netbsd.EIO) {
			t.Errorf("%s: errors.Is does not hold it for %v alone", c.name, c.errno)
		}
		if n := o.open(); n != 0 {
			t.Errorf("%s: %d files are left open", c.name, n)
		}
	}
}

// An error of the loader's can be found by who asks, and its hint is part of the message.
func TestExecError(t *testing.T) {
	le := &loader.Error{Kind: loader.Linux, Errno: netbsd.ENOEXEC}
	err := error(&ExecError{Path: "/p", Errno: netbsd.ENOEXEC, Err: le})
	var found *loader.Error
	if !errors.As(err, &found) || found != le || !strings.HasPrefix(err.Error(), "/p: ") || !strings.Contains(err.Error(), le.Hint()) {
		t.Errorf("%v", err)
	}
}

// The scan of the first program is only about time: a file that is not one, or that would
// block who opens it, is as if there had been none.
func TestPrescan(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", filepath.Join(dir, "none"), dir, fifo, "/dev/null"} {
		var p prescan
		p.begin(name)
		if sites, ok := p.get(fileID{}); ok || len(sites) > 0 {
			t.Errorf("%q: %d sites", name, len(sites))
		}
	}
}

// fexecve(2): the file that is open is loaded, whatever its name leads to. It is called by the name's last part, as a script's argument
// too (ep_kname of exec_resolvename), and ETXTBSY if it is open for writing (vn_marktext).
func TestLoadOpenFile(t *testing.T) {
	for _, c := range []struct {
		name    string
		written bool
		errno   netbsd.Errno
		argv    []string
		path    string
		comm    string
	}{
		{"/bin/prog", false, 0, []string{"a", "b"}, "/bin/prog", "prog"},
		{"/bin/prog", true, netbsd.ETXTBSY, nil, "", ""},
		{"/script", false, 0, []string{"/bin/prog", "-x y", "script", "b"}, "/bin/prog", "prog"},
		{"/nested", false, netbsd.ENOEXEC, nil, "", ""},
		{"/orphan", true, netbsd.ENOENT, nil, "", ""},
	} {
		o := newDirOpener(t)
		f, _, errno := o.OpenExec(c.name)
		if errno != 0 {
			t.Fatal(errno)
		}
		if c.name != "/bin/prog" {
			os.WriteFile(filepath.Join(o.dir, "new"), []byte("#!/bin/none\n"), 0o755)
			os.Rename(filepath.Join(o.dir, "new"), filepath.Join(o.dir, c.name))
		}
		s := &System{HostPrograms: true}
		o.written = c.written
		p, errno := s.loadArgs(o, &syscalls.ExecArgs{Path: c.name, File: f, Argv: []string{"a", "b"}}, 0)
		if errno != c.errno {
			t.Errorf("%s: %v, want %v", c.name, errno, c.errno)
		}
		if errno == 0 {
			if !reflect.DeepEqual(p.argv, c.argv) || p.path != c.path || p.comm != c.comm {
				t.Errorf("%s: %+v", c.name, p)
			}
			p.close()
		}
		if n := o.open(); n != 0 {
			t.Errorf("%s: %d files are left open", c.name, n)
		}
	}
}

// execve_loadvm: what is wrong with the arguments is told where nothing is wrong with the file, or with what it needs. Nothing is left open.
func TestWhatIsWrongWithTheFileComesFirst(t *testing.T) {
	for name, want := range map[string]netbsd.Errno{
		"/bin/prog": netbsd.E2BIG, "/script": netbsd.E2BIG, "/none": netbsd.ENOENT, "/orphan": netbsd.ENOENT,
		"/nested": netbsd.ENOEXEC, "/garbage": netbsd.ENOEXEC, "/data": netbsd.EACCES,
	} {
		o := newDirOpener(t)
		if _, errno := (&System{HostPrograms: true}).loadArgs(o, &syscalls.ExecArgs{Path: name, Bad: netbsd.E2BIG}, 0); errno != want {
			t.Errorf("%s: %v, want %v", name, errno, want)
		}
		if n := o.open(); n != 0 {
			t.Errorf("%s: %d files are left open", name, n)
		}
	}
}
