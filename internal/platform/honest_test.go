package platform

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const honestEnv = "TOASTER_HOST_HONEST"

// honest is a program whose guests play by the rules, and get orders and kicks all the
// time. It ends when its input does, and says whether all live.
func honest() {
	p, err := New(Options{})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	fmt.Println("group", p.zygote.pid)
	var over atomic.Bool
	ended := make(chan error)
	for _, serve := range []func(*Thread) error{honestOrders, honestKicks, honestForks, honestLWPs} {
		go func() {
			q, th, err := p.NewProcess()
			if err == nil {
				err = q.Map(th, codeAt, 4096, 7, unix.MAP_PRIVATE, -1, 0)
				q.Write(codeAt, syscallLoop)
				th.Regs().RIP = codeAt
			}
			for err == nil && !over.Load() {
				err = serve(th)
			}
			ended <- err
		}()
	}
	go func() {
		os.Stdin.Read(make([]byte, 1))
		over.Store(true)
	}()
	for range 4 {
		if err := <-ended; err != nil {
			fmt.Println("died:", err)
			os.Exit(1)
		}
	}
	fmt.Println("all live")
	os.Exit(0)
}

func honestOrders(th *Thread) error {
	th.RestoreX(th.SaveX())
	th.CPUTime()
	return th.proc.Map(th, dataAt, 1<<20, 3, unix.MAP_PRIVATE, -1, 0)
}

func honestKicks(th *Thread) error {
	th.proc.Write(codeAt, spinLoop)
	th.Regs().RIP = codeAt
	kick := time.AfterFunc(time.Millisecond, th.Kick)
	defer kick.Stop()
	return live(th.Run())
}

func live(trap Trap) error {
	if trap.Kind == Gone {
		return ErrGone
	}
	return nil
}

func honestForks(th *Thread) error {
	q, c, err := th.Fork()
	if err != nil {
		return err
	}
	defer q.Release()
	return live(c.Run())
}

func honestLWPs(th *Thread) error {
	n, err := th.NewThread()
	if err != nil {
		return err
	}
	trap := n.Run()
	n.Exit()
	return live(trap)
}

// Guests that play by the rules are not taken for deaf, whoever else needs the cores, and
// however long all of them stand still.
func TestHonestGuestsLive(t *testing.T) {
	var over atomic.Bool
	defer over.Store(true)
	for range 4 * runtime.NumCPU() {
		go func() {
			for !over.Load() {
			}
		}()
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), honestEnv+"=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	line, _ := lines.ReadString('\n')
	pgid, err := strconv.Atoi(strings.TrimPrefix(strings.TrimSpace(line), "group "))
	if err != nil {
		cmd.Process.Kill()
		t.Fatalf("it says %q", line)
	}
	for range 3 {
		time.Sleep(300 * time.Millisecond)
		for _, sig := range []unix.Signal{unix.SIGSTOP, unix.SIGCONT} {
			unix.Kill(-pgid, sig)
			unix.Kill(cmd.Process.Pid, sig)
			if sig == unix.SIGSTOP {
				time.Sleep(700 * time.Millisecond)
			}
		}
	}
	in.Close()
	line, _ = lines.ReadString('\n')
	if err := cmd.Wait(); err != nil || line != "all live\n" {
		t.Errorf("%q, %v", line, err)
	}
}
