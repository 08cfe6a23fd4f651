package guests

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"toaster"
	"toaster/kern"
)

// fexecRoot makes a root with what sub_fexec of the guest executes.
func fexecRoot(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	in := func(name string) string { return filepath.Join(root, name) }
	program, err := os.ReadFile(guestPath)
	errs := []error{err, os.Chmod(root, 0o755), os.MkdirAll(in("d/shut"), 0o755), os.MkdirAll(in("d/unread/in"), 0o755)}
	for _, name := range []string{"guest", "unlinked", "replaced", "linked", "written"} {
		errs = append(errs, os.WriteFile(in(name), program, 0o755))
	}
	for _, name := range []string{"other", "moved", "d/shut/prog", "d/unread/prog", "d/unread/in/prog"} {
		errs = append(errs, os.Link(in("guest"), in(name)))
	}
	errs = append(errs, os.Link(in("linked"), in("second")), os.WriteFile(in("plain"), program, 0o644))
	for _, name := range []string{"script", "d/script"} {
		errs = append(errs, os.WriteFile(in(name), []byte("#!/guest sub_fexec_script\n"), 0o755))
	}
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// TestFexecve: fexecve(2) of all kinds of descriptors, with owners of the machine's own and without.
func TestFexecve(t *testing.T) {
	for _, release := range []kern.Release{kern.Release11, kern.Release10} {
		for name, noOwners := range map[string]bool{"owners": false, "no owners": true} {
			t.Run(release.String()+"/"+name, func(t *testing.T) {
				runGuest(t, toaster.Options{Release: release, Root: fexecRoot(t), NoOwners: noOwners}, "/guest", "sub_fexec", release.String())
			})
		}
	}
}

// TestFexecveHostProgram: where a guest may start programs of the host, fexecve(2) starts them as execve(2) does, and where not it is ENOEXEC.
func TestFexecveHostProgram(t *testing.T) {
	m, err := toaster.New(context.Background(), toaster.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	out, err := m.Command(guestPath, "sub_fexec_run", "11", "/bin/sh", "-c", "echo $0 $1", "a", "b").CombinedOutput()
	if err != nil || string(out) != "a b\n" {
		t.Errorf("%q, %v", out, err)
	}
	root := fexecRoot(t)
	program, err := os.ReadFile(os.Args[0])
	if err == nil {
		err = os.WriteFile(filepath.Join(root, "linux"), program, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	rooted, err := toaster.New(context.Background(), toaster.Options{Root: root})
	if err != nil {
		t.Fatal(err)
	}
	defer rooted.Close()
	out, err = rooted.Command("/guest", "sub_fexec_run", "11", "/linux").CombinedOutput()
	if want := "fexecve: got 8, want 0\n"; err == nil || string(out) != want {
		t.Errorf("%q, %v, want %q", out, err, want)
	}
}
