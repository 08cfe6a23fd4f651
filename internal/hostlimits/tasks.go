package hostlimits

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// This file counts tasks, which is what Linux calls processes and threads together:
// fork(2) says which limits there are.

// Unlimited is a room that nothing bounds.
const Unlimited = math.MaxInt32

// Tasks knows the limits of tasks that hold for this process.
type Tasks struct {
	nproc  int64       // RLIMIT_NPROC
	exempt func() bool // reports whether that does not hold: asked only where it would be the limit
	uid    int
	groups []group // with a pids controller
	system int64   // kernel.threads-max and kernel.pid_max, the lesser
}

// FindTasks looks for the limits.
func FindTasks() *Tasks {
	t := &Tasks{nproc: Unlimited, exempt: sync.OnceValue(exempt), uid: os.Getuid(), system: Unlimited}
	for _, g := range groups("pids") {
		if isFile(string(g) + "/pids.max") {
			t.groups = append(t.groups, g)
		}
	}
	var r unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NPROC, &r) == nil && r.Cur < Unlimited {
		t.nproc = int64(r.Cur)
	}
	for _, name := range []string{"threads-max", "pid_max"} {
		if n, ok := group("/proc/sys/kernel").number(name); ok {
			t.system = min(t.system, n)
		}
	}
	return t
}

func isFile(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// exempt reports whether RLIMIT_NPROC does not hold (setrlimit(2)): for the host's
// superuser, and for who has either of two capabilities there. The superuser of a user
// namespace is somebody else to the host.
func exempt() bool {
	if InUserNamespace() {
		return false
	}
	if os.Getuid() == 0 {
		return true
	}
	status, _ := ReadFile("/proc/self/status")
	caps, _ := strconv.ParseUint(valueAfter(string(status), "CapEff:"), 16, 64)
	return caps&(1<<unix.CAP_SYS_RESOURCE|1<<unix.CAP_SYS_ADMIN) != 0
}

// InUserNamespace reports whether this process is in a user namespace other than the host's first
// (user_namespaces(7)): there user 0 has rights over what belongs to the namespace, and over
// nothing else. Where the host does not say, it is the first.
func InUserNamespace() bool {
	m, err := ReadFile("/proc/self/uid_map")
	return err == nil && strings.Join(strings.Fields(string(m)), " ") != "0 0 4294967295"
}

// valueAfter returns what stands behind name in the line that begins with it, such as
// "Threads:\t3" in a status of proc_pid_status(5); "" if there is none.
func valueAfter(text, name string) string {
	_, rest, _ := strings.Cut("\n"+text, "\n"+name)
	line, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(line)
}

// Room returns how many more tasks there may be, and, in words, by which limit.
func (t *Tasks) Room() (room int, why string) {
	room = Unlimited
	less := func(limit, used int64, name string) {
		if n := int(min(max(limit-used, 0), Unlimited)); n < room {
			room, why = n, fmt.Sprintf("%d processes and threads (%s)", limit, name)
		}
	}
	for _, g := range t.groups {
		limit, ok1 := g.number("pids.max")
		used, ok2 := g.number("pids.current")
		if ok1 && ok2 {
			less(limit, used, "pids.max of the control group")
		}
	}
	all, ok := tasksOfAll()
	if ok {
		less(t.system, all, "kernel.threads-max or kernel.pid_max")
	}
	if t.nproc < Unlimited && (!ok || t.nproc-all < int64(room)) && !t.exempt() {
		// One user's cannot be more than there are; to count them takes a hundred times
		// as long.
		used := all
		if !ok || t.nproc-all < counted {
			used = tasksOf(t.uid)
		}
		less(t.nproc, used, "RLIMIT_NPROC, ulimit -u")
	}
	return room, why
}

// counted is the room from which on the tasks of a user are not counted one by one.
const counted = 4096

// tasksOf counts the tasks of a real user, as far as /proc shows them.
func tasksOf(uid int) int64 {
	dir, err := os.Open("/proc")
	if err != nil {
		return 0
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	sum := int64(0)
	for _, name := range names {
		if name[0] < '1' || name[0] > '9' {
			continue
		}
		if status, err := ReadFile("/proc/" + name + "/status"); err == nil {
			sum += tasksIn(string(status), uid)
		}
	}
	return sum
}

// tasksIn is how many tasks of uid a process is. A zombie counts until it is collected.
func tasksIn(status string, uid int) int64 {
	real, _, _ := strings.Cut(valueAfter(status, "Uid:"), "\t")
	if real != strconv.Itoa(uid) {
		return 0
	}
	n, _ := strconv.ParseInt(valueAfter(status, "Threads:"), 10, 64)
	return max(n, 1)
}

// tasksOfAll reads the number behind the slash of proc_loadavg(5).
func tasksOfAll() (int64, bool) {
	b, err := ReadFile("/proc/loadavg")
	if err != nil {
		return 0, false
	}
	_, rest, _ := strings.Cut(string(b), "/")
	n, err := strconv.ParseInt(strings.SplitN(rest, " ", 2)[0], 10, 64)
	return n, err == nil
}
