package oci

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// record is state.json: what create knows of a container. It does not change.
type record struct {
	Version     string            `json:"ociVersion"`
	ID          string            `json:"id"`
	Pid         int               `json:"init_process_pid"`
	PidStart    uint64            `json:"init_process_start"` // tells the process from another one that has got its pid
	Bundle      string            `json:"bundle"`
	Rootfs      string            `json:"rootfs"`
	Created     time.Time         `json:"created"`
	Owner       string            `json:"owner"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Hooks       *specs.Hooks      `json:"hooks,omitempty"`
	Cgroup      cgroup            `json:"cgroup"`
}

// container is one that has a state directory.
type container struct {
	dir   string
	claim *os.File // the directory, for who makes or removes the container; nil otherwise
	record
}

const (
	recordName = "state.json"
	statusName = "status"
)

// The states (runtime-spec, "State"), and runc's paused.
const (
	creating = string(specs.StateCreating)
	created  = string(specs.StateCreated)
	running  = string(specs.StateRunning)
	stopped  = string(specs.StateStopped)
	paused   = "paused"
)

// idCharacters are those of an id by runc's rule: it is the name of a directory, too.
const idCharacters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz+.-"

func checkID(id string) error {
	if id == "" || strings.ContainsFunc(id, func(r rune) bool { return !strings.ContainsRune(idCharacters, r) }) || id == "." || id == ".." || len(id) > 1024 {
		return fmt.Errorf("invalid id %q: want letters, digits, _, +, . and -", id)
	}
	return nil
}

func noContainer(id string) error { return fmt.Errorf("container %q does not exist", id) }

// load finds a container. The texts of errors are those that drivers of runc look for.
func (c *call) load(id string) (*container, error) {
	if err := checkID(id); err != nil {
		return nil, err
	}
	t := &container{dir: filepath.Join(c.root, id)}
	b, err := os.ReadFile(filepath.Join(t.dir, recordName))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, noContainer(id)
	case err != nil:
		return nil, err
	}
	if err := json.Unmarshal(b, &t.record); err != nil {
		return nil, fmt.Errorf("container %q: its %s: %w", id, recordName, err)
	}
	return t, nil
}

// save writes the record.
func (t *container) save() error {
	b, err := json.MarshalIndent(&t.record, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(t.place(), recordName), b, 0o600)
}

// status is the container's state now.
func (t *container) status() string {
	if !t.lives() {
		return stopped
	}
	b, err := os.ReadFile(filepath.Join(t.dir, statusName))
	if err != nil {
		return creating
	}
	return string(b)
}

// lives reports whether the kernel's process is there: not another one with its pid, and not dead and unreaped.
func (t *container) lives() bool {
	state, start, err := procStat(t.Pid)
	return err == nil && start == t.PidStart && state != 'Z' && state != 'X'
}

// procStat reads what the host says of a process: its state, and when it was started (proc(5)).
func procStat(pid int) (state byte, start uint64, err error) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, 0, err
	}
	// The name, in parentheses, may hold anything.
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	const startField = 22 - 3
	if pid <= 0 || len(fields) <= startField {
		return 0, 0, fmt.Errorf("process %d: the host's stat is %q", pid, b)
	}
	start, err = strconv.ParseUint(fields[startField], 10, 64)
	return fields[0][0], start, err
}

// ask asks the container's kernel; one that is gone has stopped.
func (t *container) ask(r *request) (*answer, error) {
	if !t.lives() {
		return nil, errNotRunning
	}
	a, err := ask(t.dir, r)
	var why refusal
	if err != nil && !errors.As(err, &why) && !t.lives() {
		return nil, errNotRunning // what it has said before its end counts
	}
	return a, err
}

// errNotRunning is what drivers of runc take for the end of a container.
var errNotRunning = errors.New("container not running")

// killKernel ends the kernel's process, and with it all that it carries, and waits until it is gone.
func (t *container) killKernel() error {
	fd, err := unix.PidfdOpen(t.Pid, 0)
	if err == unix.ESRCH {
		return nil
	}
	if err != nil {
		return fmt.Errorf("finding process %d: %w", t.Pid, err)
	}
	defer unix.Close(fd)
	if !t.lives() {
		return nil
	}
	if err := unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0); err != nil && err != unix.ESRCH {
		return fmt.Errorf("killing process %d: %w", t.Pid, err)
	}
	return awaitEnd(fd, t.Pid, endPatience)
}

// endPatience is how long a process that has been killed may take.
const endPatience = 10 * time.Second

// awaitEnd waits for the end of the process of a pidfd, which has been killed.
func awaitEnd(pidfd, pid int, most time.Duration) error {
	for end := time.Now().Add(most); ; {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, int(max(time.Until(end), 0).Milliseconds()))
		switch {
		case n > 0:
			return nil
		case err == unix.EINTR:
		case err != nil:
			return os.NewSyscallError("poll", err)
		}
		if time.Now().After(end) {
			return fmt.Errorf("process %d has been killed and has not ended in %v: the host keeps it, as /proc/%d/wchan may tell; once it is gone, delete --force removes the container", pid, most, pid)
		}
	}
}
