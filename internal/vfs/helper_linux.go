//lint:file-ignore U1000 the assembly of the helper uses what Go does not

package vfs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"toaster/internal/hostfile"
	"toaster/internal/memprog"
)

// The helper is a process in a user and a mount namespace of its own that makes a tmpfs and
// sends its descriptor: a namespace for users is entered by a process of one thread only.
// Its program is made here, in memory, as this may be anybody's program.

// Where the helper's code and data are, and how long an entry of its table is.
const (
	helperCode  = 0x10000000
	helperData  = 0x20000000
	helperEntry = 72
	helperPage  = 0x1000
)

// Implemented in helper_amd64.s, and never called here.
func helperBegin()
func helperLimit()

var helperText memprog.Code // between them

// helperProgram is the data of a helper: the table of its calls, and behind it what they
// point to.
type helperProgram struct {
	data  []byte // a page
	calls int
	free  int // of data, from the table's end on
}

// newHelperProgram makes an empty table, with the first half of the page to itself.
func newHelperProgram() *helperProgram {
	return &helperProgram{data: make([]byte, helperPage), free: helperPage / 2}
}

// put places bytes, and returns the address that they will have.
func (p *helperProgram) put(b []byte) uint64 {
	at := p.free
	p.free = (at + len(b) + 7) &^ 7
	copy(p.data[at:p.free], b)
	return helperData + uint64(at)
}

func (p *helperProgram) text(s string) uint64 { return p.put(append([]byte(s), 0)) }

// call adds a call, with a first argument from an address unless that is 0. It returns the
// address of the result.
func (p *helperProgram) call(nr int64, first uint64, args ...uint64) (result uint64) {
	result = p.put(make([]byte, 8))
	p.callInto(nr, first, result, args...)
	return result
}

func (p *helperProgram) callInto(nr int64, first, result uint64, args ...uint64) {
	e := p.data[p.calls*helperEntry:]
	le := binary.LittleEndian
	le.PutUint64(e, uint64(nr))
	le.PutUint64(e[8:], first)
	for i, a := range args {
		le.PutUint64(e[16+8*i:], a)
	}
	le.PutUint64(e[64:], result)
	p.calls++
}

// tmpfsProgram has the helper make a tmpfs and send it over its descriptor 0.
func tmpfsProgram(options []tmpfsOption) []byte {
	p := newHelperProgram()
	le := binary.LittleEndian
	fd := p.call(unix.SYS_FSOPEN, 0, p.text("tmpfs"), unix.FSOPEN_CLOEXEC)
	for _, o := range options {
		p.call(unix.SYS_FSCONFIG, fd, 0, unix.FSCONFIG_SET_STRING, p.text(o.key), p.text(o.value), 0)
	}
	p.call(unix.SYS_FSCONFIG, fd, 0, unix.FSCONFIG_CMD_CREATE, 0, 0, 0)
	// struct cmsghdr: length, level and type; then the descriptor.
	control := make([]byte, 24)
	le.PutUint64(control, 20)
	le.PutUint32(control[8:], unix.SOL_SOCKET)
	le.PutUint32(control[12:], unix.SCM_RIGHTS)
	cmsg := p.put(control)
	p.callInto(unix.SYS_FSMOUNT, fd, cmsg+16, 0, unix.FSMOUNT_CLOEXEC, tmpfsAttrs)
	// struct iovec and struct msghdr: name, iovec, control, flags.
	iov := make([]byte, 16)
	le.PutUint64(iov, p.text("."))
	le.PutUint64(iov[8:], 1)
	msg := make([]byte, 56)
	le.PutUint64(msg[16:], p.put(iov))
	le.PutUint64(msg[24:], 1)
	le.PutUint64(msg[32:], cmsg)
	le.PutUint64(msg[40:], uint64(len(control)))
	p.call(unix.SYS_SENDMSG, 0, 0, p.put(msg), 0)
	p.callInto(-1, 0, 0)
	return p.data
}

// helperImage is the helper's executable: a segment of code, one of data.
func helperImage(data []byte) *memprog.Image {
	return &memprog.Image{Entry: helperCode, Segments: []memprog.Segment{
		{Addr: helperCode, Prot: unix.PROT_READ | unix.PROT_EXEC, Data: helperText.Bytes()},
		{Addr: helperData, Prot: unix.PROT_READ | unix.PROT_WRITE, Data: data}}}
}

// helpTmpfs has a helper make a tmpfs. The errors of its calls come back as its status.
func helpTmpfs(options []tmpfsOption) (int, error) {
	exe, err := memprog.File("toaster-helper", helperImage(tmpfsProgram(options)))
	if err != nil {
		return -1, err
	}
	defer unix.Close(exe)
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	defer unix.Close(pair[0])
	pid, err := startHelper(exe, pair[1])
	unix.Close(pair[1])
	if err != nil {
		return -1, err
	}
	var st unix.WaitStatus
	for {
		if _, err = unix.Wait4(pid, &st, 0, nil); err != unix.EINTR {
			break
		}
	}
	switch {
	case err == unix.ECHILD: // this process collects no children: what came counts
	case err != nil:
		return -1, err
	case !st.Exited():
		return -1, errors.New("its helper was killed")
	case st.ExitStatus() != 0:
		return -1, unix.Errno(st.ExitStatus())
	}
	return receiveFD(pair[0])
}

// startHelper starts the program in namespaces where it is root. A file can belong to
// those alone whom the namespace knows: root takes all its users along if it may.
func startHelper(exe, sock int) (pid int, err error) {
	me := func(id int) []syscall.SysProcIDMap {
		return []syscall.SysProcIDMap{{ContainerID: 0, HostID: id, Size: 1}}
	}
	attr := syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS, Setpgid: true}
	if unix.Geteuid() == 0 {
		all := attr
		all.UidMappings, all.GidMappings = allIDs("/proc/self/uid_map"), allIDs("/proc/self/gid_map")
		all.GidMappingsEnableSetgroups = true
		if pid, err = execHelper(exe, sock, &all); err == nil {
			return pid, nil
		}
	}
	attr.UidMappings, attr.GidMappings = me(unix.Geteuid()), me(unix.Getegid())
	return execHelper(exe, sock, &attr)
}

func execHelper(exe, sock int, attr *syscall.SysProcAttr) (int, error) {
	pid, err := syscall.ForkExec(hostfile.ProcPath(exe), []string{"toaster-helper"}, &syscall.ProcAttr{
		Dir: "/", Env: []string{}, Files: []uintptr{uintptr(sock)}, Sys: attr,
	})
	if err != nil {
		return -1, fmt.Errorf("a user namespace: %w", err)
	}
	return pid, nil
}

// allIDs maps what toaster's own user namespace has, by a file of proc(5), to itself.
func allIDs(file string) (list []syscall.SysProcIDMap) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(b)) {
		var m syscall.SysProcIDMap
		var outside int
		if _, err := fmt.Sscan(line, &m.ContainerID, &outside, &m.Size); err == nil {
			m.HostID = m.ContainerID
			list = append(list, m)
		}
	}
	return list
}

// receiveFD takes the descriptor out of a message that has come.
func receiveFD(sock int) (int, error) {
	data, control := make([]byte, 1), make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(sock, data, control, unix.MSG_CMSG_CLOEXEC|unix.MSG_DONTWAIT)
	if err != nil {
		return -1, err
	}
	msgs, err := unix.ParseSocketControlMessage(control[:n])
	if err != nil || len(msgs) != 1 {
		return -1, errors.New("its helper sent nothing")
	}
	fds, err := unix.ParseUnixRights(&msgs[0])
	if err != nil || len(fds) != 1 {
		return -1, errors.New("its helper sent nothing")
	}
	return fds[0], nil
}
