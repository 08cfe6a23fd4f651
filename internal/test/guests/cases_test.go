package guests

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"toaster"
	"toaster/kern"
)

// patience is how long a case may hang before its machine is taken down. It decides
// nothing else.
const patience = 4 * time.Minute

var (
	showCalls = flag.Bool("calls", false, "show the system calls of the cases")
	noLend    = flag.Bool("no-lend", false, "lend the cases no open files")
)

// TestCases runs every case of the guest in a machine of its own. A case is silent and
// ends with 0, or says what is wrong.
func TestCases(t *testing.T) {
	out, err := toaster.Command(guestPath, "list").Output()
	if err != nil {
		t.Fatal(err)
	}
	names := strings.Fields(string(out))
	if len(names) == 0 {
		t.Fatal("the guest has no cases")
	}
	sorted := slices.Sorted(slices.Values(names))
	if once := slices.Compact(slices.Clone(sorted)); len(once) != len(names) {
		t.Errorf("%d cases are listed more than once", len(names)-len(once))
	}
	for _, release := range releases {
		t.Run("release"+release.String(), func(t *testing.T) {
			for _, name := range names {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					runCase(t, toaster.Options{Release: release}, name, release.String())
				})
			}
		})
	}
}

// What is lent nobody can tell from what is not: the cases about that hold without, and those about kqueues.
func TestLendCasesWithoutLending(t *testing.T) {
	out, err := toaster.Command(guestPath, "list").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Fields(string(out)) {
		if strings.HasPrefix(name, "lend_") || strings.HasPrefix(name, "kqueue_") {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				runCase(t, toaster.Options{NoLend: true}, name, kern.Release11.String())
			})
		}
	}
}

// runCase runs one guest, then looks at the process tree, and ends the machine.
func runCase(t *testing.T, opts toaster.Options, args ...string) {
	t.Helper()
	runGuest(t, opts, guestPath, args...)
}

// runGuest is runCase of a guest that has a name of its own in the machine.
func runGuest(t *testing.T, opts toaster.Options, guest string, args ...string) {
	t.Helper()
	opts.NoLend = opts.NoLend || *noLend
	if *showCalls {
		opts.Trace = os.Stderr
	}
	m, err := toaster.New(context.Background(), opts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c := m.Command(guest, args...)
	var out strings.Builder
	c.Stdout, c.Stderr = &out, &out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	stop := context.AfterFunc(ctx, func() {
		t.Errorf("hangs; the processes:\n%s", processes(m))
		m.Close()
	})
	err = c.Wait()
	var exit *toaster.ExitError
	if err != nil && (!errors.As(err, &exit) || out.Len() == 0) {
		t.Error(err)
	}
	if out.Len() > 0 {
		t.Errorf("%s", strings.TrimSpace(out.String()))
	}
	if !stop() {
		return
	}
	for _, err := range m.Kern().Check() {
		t.Errorf("inconsistent: %v", err)
	}
	if err := m.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// processes draws what there is, for a case that hangs.
func processes(m *toaster.Machine) string {
	var b strings.Builder
	for _, p := range m.Kern().Procs() {
		b.WriteString(describe(p))
	}
	return b.String()
}

func describe(p *kern.Proc) string {
	var b strings.Builder
	fmt.Fprintf(&b, "  %d, child of %d, group %d: %s %v, stopped %v;", p.Pid(), p.Ppid(), p.Pgid(), p.Comm(), p.State(), p.Stopped())
	for _, l := range p.LWPs() {
		fmt.Fprintf(&b, " LWP %d %v", l.ID(), l.State())
	}
	return b.String() + "\n"
}
