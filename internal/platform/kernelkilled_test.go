package platform

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"toaster/internal/hostlike"
)

// TestMain doubles as the program that TestKernelKilled kills.
func TestMain(m *testing.M) {
	if os.Getenv("TOASTER_HOST_VICTIM") != "" {
		victim()
	}
	if os.Getenv(honestEnv) != "" {
		honest()
	}
	hostlike.Enter()
	setAbreast()
	os.Exit(m.Run())
}

// victim runs guests of all sorts, until somebody kills it.
func victim() {
	p, err := New(Options{Memory: 1 << 40})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	memory := "none"
	if p.group != nil {
		memory = p.group.Path()
	}
	fmt.Println("group", p.zygote.pid, memory)
	for range 2 {
		go func() {
			for {
				q, th, err := p.NewProcess()
				if err != nil {
					panic(err)
				}
				q.Map(th, codeAt, 4096, 7, 2, -1, 0)
				q.Write(codeAt, spinLoop)
				th.Regs().RIP = codeAt
				_, th2, err := th.Fork()
				if err != nil {
					panic(err)
				}
				th3, err := th.NewThread()
				if err != nil {
					panic(err)
				}
				go th.Run()
				go th2.Run()
				go th3.Run()
				time.Sleep(5 * time.Millisecond)
				if rand.IntN(3) > 0 {
					q.Kill()
					th2.proc.Kill()
				}
			}
		}()
	}
	select {}
}

// group lists the host processes of a group, without zombies: these are somebody
// else's business.
func group(t testing.TB, pgid string) (pids []string) {
	t.Helper()
	list, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		stat, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(stat), ") ")
		if f := strings.Fields(rest); len(f) > 2 && f[2] == pgid && f[0] != "Z" && f[0] != "X" {
			pids = append(pids, e.Name())
		}
	}
	return pids
}

// startVictim starts a program with guests of all sorts in a process group of the host.
// With its end, and theirs, their control group goes, too.
func startVictim(t *testing.T) (cmd *exec.Cmd, pgid string) {
	t.Helper()
	cmd = exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), "TOASTER_HOST_VICTIM=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	f := strings.Fields(line)
	if len(f) != 3 || f[0] != "group" {
		t.Fatalf("victim says %q", line)
	}
	if f[2] != "none" {
		if _, err := os.Stat(f[2]); err != nil {
			t.Error("the control group is not there: ", err)
		}
		t.Cleanup(func() {
			waitFor(t, "the control group to be removed", func() bool {
				_, err := os.Stat(f[2])
				return os.IsNotExist(err)
			})
		})
	}
	return cmd, f[1]
}

// At whatever moment the kernel is killed, nothing of its guests remains.
func TestKernelKilled(t *testing.T) {
	t.Parallel()
	rounds := 15
	if testing.Short() {
		rounds = 3
	}
	together(upTo(rounds), func(share <-chan int) {
		for range share {
			cmd, pgid := startVictim(t)
			time.Sleep(time.Duration(rand.IntN(150)) * time.Millisecond)
			cmd.Process.Kill()
			cmd.Wait()
			waitFor(t, "orphans to die", func() bool { return len(group(t, pgid)) == 0 })
		}
	})
}
