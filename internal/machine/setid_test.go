package machine

import (
	"testing"

	"toaster/internal/file"
	"toaster/internal/hostfile"
	"toaster/internal/syscalls"
	"toaster/internal/vfs"
	"toaster/kern"
	"toaster/netbsd"
)

// asUser runs f as the only LWP of a user's process, with nothing open, in a system that has no more than files.
func asUser(t *testing.T, cred *kern.Cred, f func(*System, *kern.LWP)) {
	t.Helper()
	m := kern.New(kern.Config{})
	defer m.Close()
	host := hostfile.NewHost()
	defer host.Close()
	tree, dirs, err := vfs.New(host, vfs.Config{Dir: "/"})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	table := file.NewMachine(file.MachineConfig{Watcher: host}).NewTable()
	p, errno := m.Spawn(kern.SpawnArgs{Manual: true, Cred: cred, Files: syscalls.Files{Table: table}, Dirs: syscalls.Dirs{Dirs: dirs}, Body: func(l *kern.LWP) { f(&System{FS: tree}, l) }})
	if errno != 0 {
		t.Fatal(errno)
	}
	p.Wait()
}

// auxOf returns the words of that type in an auxiliary vector at the end of a stack that has no strings which look like one.
func auxOf(t *testing.T, p *program, cred *kern.Cred) map[uint64]uint64 {
	t.Helper()
	st, errno := p.stack(cred)
	if errno != 0 {
		t.Fatal(errno)
	}
	aux := map[uint64]uint64{}
	for at := 8 * 3; at+16 <= len(st.Bytes); at += 16 { // behind argc and two empty vectors
		typ := le.Uint64(st.Bytes[at:])
		if typ == netbsd.AT_NULL {
			break
		}
		aux[typ] = le.Uint64(st.Bytes[at+8:])
	}
	return aux
}

// A set-id program is told the ids that it has, so that its dynamic linker sees that they are not the caller's
// (elf_copyargs of exec_elf.c).
func TestSetIDProgramIsToldItsIDs(t *testing.T) {
	for _, c := range []struct {
		name string
		id   setID
		want [4]uint64
	}{
		{"plain", setID{uid: 1, gid: 2}, [4]uint64{5, 5, 6, 6}},
		{"set-user-id", setID{uid: 1, gid: 2, setuid: true}, [4]uint64{1, 5, 6, 6}},
		{"set-group-id", setID{uid: 1, gid: 2, setgid: true}, [4]uint64{5, 5, 2, 6}},
		{"both", setID{uid: 1, gid: 2, setuid: true, setgid: true}, [4]uint64{1, 5, 2, 6}},
	} {
		asUser(t, kern.UserCred(5, 6), func(_ *System, l *kern.LWP) {
			p := &program{setID: c.id}
			aux := auxOf(t, p, p.idsOf(l))
			if got := [4]uint64{aux[netbsd.AT_EUID], aux[netbsd.AT_RUID], aux[netbsd.AT_EGID], aux[netbsd.AT_RGID]}; got != c.want {
				t.Errorf("%s: %v, want %v", c.name, got, c.want)
			}
		})
	}
}

// A set-id program finds its first three descriptors open, whatever its caller has closed, and any other what the caller has left it
// (fd_checkstd, which credexec calls where ids change).
func TestSetIDProgramHasStandardFiles(t *testing.T) {
	for _, c := range []struct {
		name string
		id   setID
		want int
	}{
		{"plain", setID{}, 0},
		{"set-user-id", setID{uid: 1, setuid: true}, 3},
		{"set-group-id", setID{gid: 1, setgid: true}, 3},
		{"ids that it has", setID{uid: 5, gid: 6, setuid: true, setgid: true}, 0},
	} {
		asUser(t, kern.UserCred(5, 6), func(_ *System, l *kern.LWP) {
			p := &program{setID: c.id, argv: []string{"x"}}
			changes := p.changes(l)
			if errno := l.Exec(kern.ExecArgs{Comm: "x", SetUID: c.id.user(), SetGID: c.id.group()}); errno != 0 {
				t.Fatal(errno)
			}
			if changes != (c.want > 0) {
				t.Errorf("%s: it changes ids: %v", c.name, changes)
			}
			if !changes {
				return
			}
			if errno := p.safe(l); errno != 0 {
				t.Errorf("%s: %v", c.name, errno)
			}
			open := syscalls.View(l).Files.Open()
			if len(open) != c.want {
				t.Errorf("%s: open are %v, want %d", c.name, open, c.want)
			}
		})
	}
}

// A program for which ids have changed is not executed without arguments: the process ends as behind the point of no return (credexec,
// execve_runproc of kern_exec.c).
func TestSetIDProgramWithoutArguments(t *testing.T) {
	for _, c := range []struct {
		argv []string
		want netbsd.Errno
	}{{nil, netbsd.EINVAL}, {[]string{""}, 0}} {
		asUser(t, kern.UserCred(5, 6), func(_ *System, l *kern.LWP) {
			if errno := (&program{setID: setID{uid: 1, setuid: true}, argv: c.argv}).safe(l); errno != c.want {
				t.Errorf("%q: %v, want %v", c.argv, errno, c.want)
			}
		})
	}
}

// elf_populate_auxv goes by the bits of the file: a process that is traced is told the ids that it would have, though it has not got them.
func TestTracedSetIDProgramIsToldTheFilesIDs(t *testing.T) {
	traced := func(l *kern.LWP) {
		if errno := l.TraceMe(); errno != 0 {
			t.Error(errno)
		}
		p := &program{setID: setID{uid: 1, gid: 2, setuid: true, setgid: true}}
		aux := auxOf(t, p, p.idsOf(l))
		if got := [4]uint64{aux[netbsd.AT_EUID], aux[netbsd.AT_RUID], aux[netbsd.AT_EGID], aux[netbsd.AT_RGID]}; got != [4]uint64{1, 5, 2, 6} {
			t.Errorf("told of %v", got)
		}
		if p.changes(l) {
			t.Error("it changes ids")
		}
	}
	asUser(t, kern.UserCred(5, 6), func(_ *System, l *kern.LWP) {
		if _, errno := l.Fork(kern.ForkArgs{Body: traced}); errno != 0 {
			t.Fatal(errno)
		}
		l.Wait4(-1, 0, nil)
	})
}
