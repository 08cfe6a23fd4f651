package guests

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"toaster"
	"toaster/kern"
)

// Systems that release 2003 alone has, each seen by a guest: procfs tracing, systrace(4), scheduler activations,
// performance counters.
func TestSystemsOf2003(t *testing.T) {
	out, err := toaster.Command(guestPath, "list_old").Output()
	if err != nil || len(out) == 0 {
		t.Fatal("no cases", err)
	}
	for _, name := range strings.Fields(string(out)) {
		t.Run(name, func(t *testing.T) { runBelow(t, kern.Release2003, name) })
	}
}

// /proc/PID/auxv, whose source is the memory of a process.
func TestProcfsAuxv(t *testing.T) { runBelow(t, kern.Release11, "sub_auxv") }

// /proc/PID/regs and fpregs, whose source is a host thread that stands.
func TestProcfsRegs(t *testing.T) {
	for _, release := range releases {
		t.Run(release.String(), func(t *testing.T) { runBelow(t, release, "sub_regs") })
	}
}

// runBelow runs the guest below a root that has nothing but it.
func runBelow(t *testing.T, release kern.Release, name string) {
	t.Helper()
	root := t.TempDir()
	b, err := os.ReadFile(guestPath)
	if err == nil {
		err = os.WriteFile(filepath.Join(root, "guest"), b, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	m, err := toaster.New(context.Background(), toaster.Options{Root: root, Release: release})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	out, err := m.CommandContext(ctx, "/guest", name, release.String()).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("%v: %s\n%s", err, out, processes(m))
	}
	for _, err := range m.Kern().Check() {
		t.Errorf("inconsistent: %v", err)
	}
}
