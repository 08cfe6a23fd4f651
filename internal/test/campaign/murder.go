package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"toaster/internal/test/attacks"
)

// murders kills kernels with SIGKILL at random moments of a round, and looks for what they
// leave: host processes, which would be its children, mounts, files in their TMPDIR but for
// the root of the round, control groups, shared memory.
func (r *runner) murders(p plan, n int) int {
	fmt.Printf("campaign: %d kills, first seed %d, %s\n", n, p.seed, strings.Join(p.flags(), " "))
	rnd := rand.New(rand.NewPCG(p.seed, 0))
	before, found, done := remains(0), 0, 0
	for ; done < n && !r.over(); done++ {
		k, err := r.start(p)
		if err != nil {
			fmt.Fprintf(os.Stderr, "campaign: %v\n", err)
			return 2
		}
		after := time.Duration(rnd.IntN(1200)) * time.Millisecond
		r.show.Say("kill %d, seed %d, after %v", done, p.seed, after)
		fmt.Fprintln(k.in, p.seed)
		time.Sleep(after)
		k.cmd.Process.Kill()
		for range k.lines {
		}
		k.cmd.Wait()
		if wrong := r.autopsy(k, before); wrong != "" {
			found++
			r.show.Clear()
			fmt.Printf("campaign: kill %d, seed %d, after %v: %s\n", done, p.seed, after, wrong)
		}
		removeAll(k.tmp)
		p.seed++
	}
	r.show.Clear()
	fmt.Printf("campaign: %d kills, %d findings\n", done, found)
	return min(found, 1)
}

// autopsy says what a dead kernel has left, "" if nothing.
func (r *runner) autopsy(k *kernel, before map[string]bool) string {
	if left := attacks.AwaitNoChildren(10 * time.Second); left != "" {
		return left
	}
	for what := range remains(k.cmd.Process.Pid) {
		if !before[what] {
			return what + " remains"
		}
	}
	list, _ := os.ReadDir(k.tmp)
	for _, e := range list {
		if e.Name() != "root" {
			return filepath.Join(k.tmp, e.Name()) + " remains"
		}
	}
	return ""
}

// remains lists what of the host's a kernel with this pid could leave; the control groups are those that it makes for its guests
// (hostlimits.MakeGroup).
func remains(pid int) map[string]bool {
	seen := map[string]bool{}
	b, _ := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 4 {
			seen["the mount of "+f[4]] = true
		}
	}
	group := fmt.Sprintf("/sys/fs/cgroup/toaster-%d-*", pid)
	for _, pattern := range []string{"/dev/shm/*", "/dev/mqueue/*", group, strings.Replace(group, "/toaster", "/*/toaster", 1)} {
		names, _ := filepath.Glob(pattern)
		for _, name := range names {
			seen["the file "+name] = true
		}
	}
	return seen
}
