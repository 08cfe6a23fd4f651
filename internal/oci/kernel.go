package oci

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"toaster"
	"toaster/netbsd"
)

// kernel is the process that is a container: one machine, and what serves requests about it.
type kernel struct {
	boot
	plan    *plan
	machine *toaster.Machine
	console *os.File   // the program's terminal; nil without one
	files   []*os.File // the descriptors of the first program
	listen  *os.File
	log     *logger

	mu     sync.Mutex
	state  string          // created, running, paused; guarded by mu
	starts bool            // start has begun; guarded by mu
	first  *first          // nil before start; guarded by mu
	relays map[*execed]int // what runs beside the first program, and the relay's pid; guarded by mu
	ended  chan int        // gets the exit status
	busy   sync.WaitGroup  // requests that are not answered yet
}

// kernel is the hidden command "toaster oci kernel FD": the container's process.
func (c *call) kernel(args []string) (int, error) {
	fd, err := bootDescriptor(args)
	if err != nil {
		return 0, err
	}
	unix.CloseOnExec(fd)
	conn := newConn(fd)
	k := &kernel{state: created, relays: map[*execed]int{}, ended: make(chan int, 1)}
	if err := k.begin(conn); err != nil {
		conn.send(&answer{Error: err.Error()})
		return exitFailure, nil
	}
	signals := k.collectSignals()
	go k.serve()
	go k.passSignals(signals)
	conn.send(&answer{})
	conn.close()
	status := <-k.ended
	k.machine.Close()
	k.awaitAnswers()
	return status, nil
}

// begin makes the machine, and the socket that it is reached by.
func (k *kernel) begin(conn *conn) (err error) {
	if err = conn.receive(&k.boot); err != nil {
		return fmt.Errorf("the boot message: %w", err)
	}
	if k.LogFile == "" {
		k.LogFile = filepath.Join(k.Dir, "kernel.log") // the standard error is the program's
	}
	if k.log, err = newLogger(k.LogFile, k.LogFormat, false); err != nil {
		return err
	}
	if k.plan, err = newPlan(k.Spec, k.Bundle); err != nil {
		return err
	}
	k.setOOMScore()
	if err = k.setUpNamespaces(); err != nil {
		return err
	}
	if err = k.takeDescriptors(conn.takeFiles()); err != nil {
		return err
	}
	k.setOptions()
	if k.machine, err = toaster.New(context.Background(), k.plan.opts); err != nil {
		return err
	}
	k.showMounts()
	k.listen, err = listen(k.Dir)
	return err
}

// showMounts is for those who join this process's mount namespace, once the machine has made what mounts go on. The container itself
// is whole without it.
func (k *kernel) showMounts() {
	if !k.Mounts {
		return
	}
	if err := k.plan.show(); err != nil {
		k.log.Warn("who joins the container's mount namespace, as podman cp does, finds files of the host there: " + err.Error())
	}
}

// setOOMScore is process.oomScoreAdj, which the host's processes of the programs inherit. To lower it takes root.
func (k *kernel) setOOMScore() {
	if n := k.Spec.Process.OOMScoreAdj; n != nil {
		if err := os.WriteFile("/proc/self/oom_score_adj", []byte(strconv.Itoa(*n)), 0); err != nil {
			k.log.Debug("process.oomScoreAdj: " + err.Error())
		}
	}
}

// setUpNamespaces makes namespaces of the host ready that are new with this process.
func (k *kernel) setUpNamespaces() error {
	if k.Named && k.Spec.Hostname != "" {
		if err := unix.Sethostname([]byte(k.Spec.Hostname)); err != nil {
			return fmt.Errorf("hostname: %w", err)
		}
	}
	if k.Networked {
		return raiseLoopback()
	}
	return nil
}

// raiseLoopback does what "ip link set lo up" does.
func raiseLoopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer unix.Close(fd)
	ifr, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	ifr.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return os.NewSyscallError("raising the loopback interface", unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, ifr))
}

// takeDescriptors finds the first program's descriptors: the terminal, or what this process was started with.
func (k *kernel) takeDescriptors(came []*os.File) error {
	k.files = []*os.File{os.Stdin, os.Stdout, os.Stderr}
	if k.Spec.Process.Terminal {
		if len(came) == 0 {
			return fmt.Errorf("no socket has come for the terminal")
		}
		t, err := openTerminal(came[0], k.Spec.Process)
		closeAll(came)
		if err != nil {
			return err
		}
		k.console, k.files = t, []*os.File{t, t, t}
		// The program never sees what this process was started with, and somebody may wait for the end of it.
		if err := dropStandard(); err != nil {
			return err
		}
	}
	for fd := 3; fd < 3+k.Preserve; fd++ {
		unix.CloseOnExec(fd)
		k.files = append(k.files, os.NewFile(uintptr(fd), "preserved"))
	}
	return nil
}

// setOptions completes what the plan says about the machine.
func (k *kernel) setOptions() {
	o := &k.plan.opts
	o.Network = toaster.NetworkHost // of the namespace that this process is in
	if k.OwnNetwork {
		o.Network = toaster.NetworkLoopback
	}
	// Without a namespace of its own the container has the name of the host, or of who it shares one with.
	if uts, named := k.plan.joins["uts"]; o.Hostname == "" && (!named || uts != "") {
		o.Hostname, _ = os.Hostname()
	}
	o.TimerSlack = 500 * time.Microsecond
	if l := k.Spec.Linux; l != nil && l.Resources != nil {
		if m := l.Resources.Memory; m != nil && m.Limit != nil && *m.Limit > 0 && !k.Grouped {
			o.Memory = *m.Limit
		}
		if n := pidsLimit(l.Resources); n > 0 {
			o.MaxLWPs = n
		}
	}
	o.Log = kernelLog{k}
}

// kernelLog is Options.Log: what there is to say of a bug goes to the log, as the standard error is the program's.
type kernelLog struct{ k *kernel }

func (l kernelLog) Write(b []byte) (int, error) {
	l.k.log.Error(string(b))
	return len(b), nil
}

// setState says in which state the container is. The caller holds mu.
func (k *kernel) setState(s string) error {
	k.state = s
	t := container{dir: k.Dir}
	return t.setStatus(s)
}

// shellStatus is a program's end as a shell has it, and as drivers of runc expect it: its exit status, or 128 and the number
// that the host has for the signal which ended it.
func shellStatus(w netbsd.WaitStatus) int {
	if w.Exited() {
		return w.ExitCode()
	}
	sig := w.TermSignal()
	if n := sig.ToLinux(); n != 0 {
		return 128 + n
	}
	return 128 + int(sig)
}
