package guests

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"toaster"
	"toaster/netbsd"
)

// limitVar, in the environment, makes the test binary run the guest that it names under a
// limit of the host: "RESOURCE VALUE PROGRAM".
const limitVar = "TOASTER_GUESTS_LIMIT"

// playLimited sets the limit and runs the guest that forks until it is refused.
func playLimited(role string) int {
	var resource int
	var value uint64
	var program string
	if _, err := fmt.Sscan(role, &resource, &value, &program); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := unix.Setrlimit(resource, &unix.Rlimit{Cur: value, Max: value}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	c := toaster.Command(program, "sub_fill", "10")
	c.Stdout = os.Stdout
	c.Options.OnLimit = func(e *toaster.LimitError) { fmt.Println(e) }
	if err := c.Run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// What the host refuses, guests are refused (fork(2): EAGAIN, ENOMEM), and the kernel
// goes on: Go's runtime would end it, were it refused a thread or memory itself.
func TestHostRefuses(t *testing.T) {
	for _, c := range []struct {
		name     string
		resource int
		value    uint64
		errno    netbsd.Errno
		why      string
	}{
		{"nproc little", unix.RLIMIT_NPROC, 25, netbsd.EAGAIN, "RLIMIT_NPROC"},
		{"nproc", unix.RLIMIT_NPROC, 60, netbsd.EAGAIN, "RLIMIT_NPROC"},
		{"nproc more", unix.RLIMIT_NPROC, 200, netbsd.EAGAIN, "RLIMIT_NPROC"},
		{"nofile little", unix.RLIMIT_NOFILE, 45, netbsd.EAGAIN, "RLIMIT_NOFILE"},
		{"nofile", unix.RLIMIT_NOFILE, 100, netbsd.EAGAIN, "RLIMIT_NOFILE"},
		{"as", unix.RLIMIT_AS, 3 << 30, netbsd.ENOMEM, "RLIMIT_AS"},
	} {
		t.Run(c.name, func(t *testing.T) {
			limit := c.value
			if c.resource == unix.RLIMIT_NPROC {
				limit += tasksOfOrdinary(t)
			}
			out, err := asOrdinary(fmt.Sprintf("%d %d %s", c.resource, limit, guestPath)).CombinedOutput()
			text := string(out)
			if errors.Is(err, syscall.EACCES) {
				t.Skip("an ordinary user cannot run this binary:", err)
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			m := regexp.MustCompile(`forked (\d+), errno (\d+), then again\n`).FindStringSubmatch(text)
			if m == nil || m[2] != strconv.Itoa(int(c.errno)) {
				t.Fatalf("want forks until %v: %s", c.errno, text)
			}
			if !strings.Contains(text, c.why) {
				t.Errorf("it does not say that %s is why: %s", c.why, text)
			}
		})
	}
}

// ordinary is a user that RLIMIT_NPROC holds for, as it does not for the superuser, and who
// has no other processes. In a container there may be no user above 65535.
var ordinary = 20000 + os.Getpid()%40000

// asOrdinary runs this binary in the role of limitVar, as an ordinary user.
func asOrdinary(role string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), limitVar+"="+role)
	cmd.Dir = "/"
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(ordinary), Gid: uint32(ordinary)}}
	}
	return cmd
}

// tasksOfOrdinary is how many tasks that user has already.
func tasksOfOrdinary(t *testing.T) (n uint64) {
	uid := os.Getuid()
	if uid == 0 {
		uid = ordinary
	}
	dirs, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dirs {
		var st unix.Stat_t
		if unix.Stat("/proc/"+d.Name(), &st) != nil || int(st.Uid) != uid {
			continue
		}
		tasks, _ := os.ReadDir("/proc/" + d.Name() + "/task")
		n += uint64(len(tasks))
	}
	return n
}
