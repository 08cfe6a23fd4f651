package oci

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// kernelCommand is the hidden command that is a container's kernel.
const kernelCommand = "kernel"

// boot is what create tells the kernel. Beside it comes the socket that the terminal is to be sent to, if there is one.
type boot struct {
	ID, Dir, Bundle string
	Spec            *specs.Spec
	// Grouped says that a control group holds the limits of memory.
	Grouped bool
	// Named and Networked say that the kernel is the first in a namespace of the host's, and is to set it up.
	Named, Networked bool
	// Mounts says that the kernel is alone in a mount namespace of the host's.
	Mounts bool
	// OwnNetwork says that there was to be a namespace, and the host lets the user make none for the kernel.
	OwnNetwork bool
	LogFile    string
	LogFormat  string
	Preserve   int
}

// startedKernel is the kernel's process, seen from create.
type startedKernel struct {
	pid  int
	conn *conn
	msg  boot
	sock *os.File // where the terminal goes; nil without one
}

func (k *startedKernel) close() {
	k.conn.close()
	if k.sock != nil {
		k.sock.Close()
	}
}

// startKernel starts the kernel's process. It waits for its boot, in the control group already.
func (c *call) startKernel(t *container, p *plan, f *createFlags) (*startedKernel, error) {
	k := &startedKernel{msg: boot{
		ID: t.ID, Dir: t.dir, Bundle: t.Bundle, Spec: p.spec, Grouped: t.Cgroup.limitsMemory(), LogFile: c.logFile, LogFormat: c.logFormat, Preserve: f.preserve,
	}}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socketpair", err)
	}
	k.conn = newConn(pair[0])
	theirs := os.NewFile(uintptr(pair[1]), "boot")
	defer theirs.Close()
	if f.console != "" {
		if k.sock, err = dialConsole(f.console); err != nil {
			k.close()
			return nil, err
		}
	}
	if err := k.fork(p, theirs, f.preserve); err != nil {
		k.close()
		return nil, err
	}
	if err := t.Cgroup.enter(k.pid); err != nil {
		unix.Kill(k.pid, unix.SIGKILL) // who removes the group reaps it
		k.close()
		return nil, err
	}
	return k, nil
}

// fork starts the process, in the host's namespaces that the plan names. It leads a session of its own, and inherits the
// standard descriptors, which are the program's, and those that are to be preserved.
func (k *startedKernel) fork(p *plan, theirs *os.File, preserve int) error {
	unix.CloseRange(3, ^uint(0), unix.CLOSE_RANGE_CLOEXEC)
	cmd := exec.Command("/proc/self/exe", "oci", kernelCommand, strconv.Itoa(3+preserve))
	cmd.Args[0] = "toaster"
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	for fd := 3; fd < 3+preserve; fd++ {
		cmd.ExtraFiles = append(cmd.ExtraFiles, os.NewFile(uintptr(fd), "preserved"))
	}
	cmd.ExtraFiles = append(cmd.ExtraFiles, theirs)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err := onThread(func() error {
		if err := k.joinNamespaces(p, cmd.SysProcAttr); err != nil {
			return err
		}
		return cmd.Start()
	})
	if err != nil {
		return fmt.Errorf("starting the container's kernel: %w", err)
	}
	k.pid = cmd.Process.Pid
	return nil
}

// onThread runs f on a thread of its own, which ends with it: f may join namespaces. A child has those of the thread that
// makes it.
func onThread(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		done <- f()
	}()
	return <-done
}

// hostNamespaces are the namespaces of the host that a kernel can be in.
var hostNamespaces = sync.OnceValue(func() map[specs.LinuxNamespaceType]int {
	return map[specs.LinuxNamespaceType]int{
		specs.NetworkNamespace: unix.CLONE_NEWNET, specs.UTSNamespace: unix.CLONE_NEWUTS, specs.IPCNamespace: unix.CLONE_NEWIPC,
	}
})

// namespaceFiles are their names below /proc/PID/ns.
var namespaceFiles = sync.OnceValue(func() map[specs.LinuxNamespaceType]string {
	return map[specs.LinuxNamespaceType]string{
		specs.NetworkNamespace: "net", specs.UTSNamespace: "uts", specs.IPCNamespace: "ipc",
	}
})

// joinNamespaces has the calling thread join what exists, and its next child make what is new. Who is not root has
// neither: the machine makes a network of its own then, and knows its name by itself.
func (k *startedKernel) joinNamespaces(p *plan, attr *syscall.SysProcAttr) error {
	for kind, flag := range hostNamespaces() {
		path, named := p.joins[kind]
		switch {
		case !named:
		case path != "":
			if err := setns(path, flag); err != nil && (os.Geteuid() == 0 || kind == specs.NetworkNamespace) {
				return fmt.Errorf("joining the %s namespace %s: %w", kind, path, err)
			}
		case os.Geteuid() != 0:
			k.msg.OwnNetwork = k.msg.OwnNetwork || kind == specs.NetworkNamespace
		default:
			attr.Cloneflags |= uintptr(flag)
			k.msg.Networked = k.msg.Networked || kind == specs.NetworkNamespace
			k.msg.Named = k.msg.Named || kind == specs.UTSNamespace
		}
	}
	if k.msg.Mounts = p.mounts && mayMount(); k.msg.Mounts {
		attr.Cloneflags |= unix.CLONE_NEWNS
	}
	return nil
}

func setns(path string, flag int) error {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Setns(fd, flag)
}

// boot tells the kernel what it is to be, and returns when its machine is made and it listens.
func (k *startedKernel) boot(t *container, p *plan, c *call) error {
	var files []*os.File
	if k.sock != nil {
		files = append(files, k.sock)
	}
	if err := k.conn.send(&k.msg, files...); err != nil {
		return fmt.Errorf("the container's kernel: %w", err)
	}
	var a answer
	if err := k.conn.receive(&a); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return err
		}
		return fmt.Errorf("the container's kernel has ended before it could say why: %w", err)
	}
	if a.Error != "" {
		return errors.New(a.Error)
	}
	return nil
}
