package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// hostExecFlag is the value of --host-exec: how programs of the host run NetBSD programs.
type hostExecFlag string

const (
	hostExecOn     hostExecFlag = ""       // what they execute joins the machine
	hostExecOff    hostExecFlag = "off"    // not at all
	hostExecBinfmt hostExecFlag = "binfmt" // this file
)

// Set takes a value. The flag alone, which package flag calls true, is the default.
func (f *hostExecFlag) Set(s string) error {
	switch s {
	case "true", "on":
		*f = hostExecOn
	case "false", "off":
		*f = hostExecOff
	case "binfmt":
		*f = hostExecBinfmt
	default:
		return errHostExec
	}
	return nil
}

func (f *hostExecFlag) String() string { return string(*f) }

// IsBoolFlag says that the flag needs no value.
func (f *hostExecFlag) IsBoolFlag() bool { return true }

// This file is --host-exec=binfmt. A program of the host, /bin/sh say, that a guest runs may
// in turn run a NetBSD program; the host's kernel takes that for one of its own, and it
// crashes. What runs foreign executables on Linux is binfmt_misc, and since Linux 6.7
// every user namespace can have its own. So toaster starts once more in a namespace
// where NetBSD's executables are run by toaster.
//
// It is not the default: in the namespace set-user-ID programs of the host don't work
// for ordinary users, and a superuser has no power over the machine, such as binding
// low ports; a program of C, whose header does not say NetBSD, is not seen; and each
// program is a machine of its own.

// An ordinary user gets there in two steps: as the superuser of a namespace that can
// register, then as himself in another one within.

// hostExecVar tells the toaster inside what is left to do: "UID GID DIR" is to register
// the link in DIR and to become that user, hostExecReady nothing.
const (
	hostExecVar   = "TOASTER_HOST_EXEC"
	hostExecReady = "ready"
)

// netbsdMagic is the start of a NetBSD executable as binfmt_misc wants it: ELF, 64 bits,
// little endian, with NetBSD's ABI.
const netbsdMagic = `\x7fELF\x02\x01\x01\x02`

const binfmtMisc = "/proc/sys/fs/binfmt_misc"

// setUpHostExec makes sure that this process is inside. If it returns false, another one has
// been, and status is the program's.
func setUpHostExec(args []string) (status int, inside bool) {
	err := error(nil)
	switch value := os.Getenv(hostExecVar); value {
	case "":
		status, err = enterHostExec(args)
	case hostExecReady:
		inside, err = true, os.Unsetenv(hostExecVar)
	default:
		status, inside, err = registerHostExec(args, value)
	}
	if err != nil {
		complain("run: cannot set up --host-exec=binfmt: %v; it needs Linux 6.7 or newer and user namespaces that you may create", err)
		return exitOwnFailure, false
	}
	return status, inside
}

// enterHostExec starts the toaster that registers, and returns its exit status.
func enterHostExec(args []string) (int, error) {
	dir, err := execDir()
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	uid, gid := os.Geteuid(), os.Getegid()
	attr := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS}
	if uid == 0 {
		var gerr error
		attr.UidMappings, err = identity("/proc/self/uid_map")
		attr.GidMappings, gerr = identity("/proc/self/gid_map")
		attr.GidMappingsEnableSetgroups = true
		if err = errors.Join(err, gerr); err != nil {
			return 0, err
		}
	} else {
		attr.UidMappings = oneID(0, uid)
		attr.GidMappings = oneID(0, gid)
	}
	return startInside(args, attr, fmt.Sprintf("%d %d %s", uid, gid, dir))
}

// registerHostExec makes toaster the interpreter of NetBSD's executables in this
// namespace, and goes on as the user that has started toaster.
func registerHostExec(args []string, value string) (status int, inside bool, err error) {
	var uid, gid int
	var dir string
	if _, err := fmt.Sscan(value, &uid, &gid, &dir); err != nil {
		return 0, false, fmt.Errorf("%s=%q: %w", hostExecVar, value, err)
	}
	if err := syscall.Mount("binfmt_misc", binfmtMisc, "binfmt_misc", 0, ""); err != nil {
		return 0, false, fmt.Errorf("mount of binfmt_misc: %w", err)
	}
	rule := ":netbsd:M::" + netbsdMagic + "::" + filepath.Join(dir, execName) + ":"
	if err := os.WriteFile(filepath.Join(binfmtMisc, "register"), []byte(rule), 0); err != nil {
		return 0, false, err
	}
	if uid == 0 {
		return 0, true, os.Unsetenv(hostExecVar)
	}
	status, err = startInside(args, &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: oneID(uid, 0),
		GidMappings: oneID(gid, 0),
	}, hostExecReady)
	return status, false, err
}

// startInside runs this command line once more.
func startInside(args []string, attr *syscall.SysProcAttr, value string) (int, error) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = append([]string{"toaster", "run"}, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), hostExecVar+"="+value)
	cmd.SysProcAttr = attr
	attr.Pdeathsig = syscall.SIGKILL
	// The host sends the parent-death signal when the thread ends, not the process.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return runHostCommand(cmd)
}

func oneID(inside, outside int) []syscall.SysProcIDMap {
	return []syscall.SysProcIDMap{{ContainerID: inside, HostID: outside, Size: 1}}
}

// identity maps all that this process's namespace has to itself.
func identity(file string) ([]syscall.SysProcIDMap, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var list []syscall.SysProcIDMap
	for line := range strings.Lines(string(b)) {
		var m syscall.SysProcIDMap
		var outside int
		if _, err := fmt.Sscan(line, &m.ContainerID, &outside, &m.Size); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		m.HostID = m.ContainerID
		list = append(list, m)
	}
	return list, nil
}
