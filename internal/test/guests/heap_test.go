package guests

import (
	"bufio"
	"os"
	"slices"
	"strings"
	"testing"

	"toaster"
)

// TestHugePages looks at the host's view of a guest whose heap grows: huge pages are
// asked for from the second piece on, and for nothing else.
func TestHugePages(t *testing.T) {
	if _, err := os.Stat("/sys/kernel/mm/transparent_hugepage"); err != nil {
		t.Skip(err)
	}
	c := toaster.Command(guestPath, "sub_heap", "10")
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	awaitReady(t, out)
	var got []string
	for _, pid := range hostChildren("self") {
		got = append(got, hugeMappings(t, pid)...)
	}
	if want := []string{"4096 kB", "4096 kB", "4096 kB"}; !slices.Equal(got, want) {
		t.Errorf("huge pages for %v, want %v", got, want)
	}
	in.Close()
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
}

// hugeMappings returns the sizes of the mappings that may have huge pages.
func hugeMappings(t *testing.T, pid string) (sizes []string) {
	f, err := os.Open("/proc/" + pid + "/smaps")
	if err != nil {
		return nil
	}
	defer f.Close()
	size := ""
	for s := bufio.NewScanner(f); s.Scan(); {
		name, rest, _ := strings.Cut(s.Text(), ":")
		switch {
		case name == "Size":
			size = strings.TrimSpace(rest)
		case name == "VmFlags" && slices.Contains(strings.Fields(rest), "hg"):
			sizes = append(sizes, size)
		}
	}
	return sizes
}
