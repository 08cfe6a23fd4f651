package oci

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// event is what events prints, in runc's form.
type event struct {
	Type string `json:"type"`
	ID   string `json:"id"`
	Data *stats `json:"data,omitempty"`
}

// stats is what a container uses, as far as its control group says.
type stats struct {
	CPU struct {
		Usage struct {
			Total uint64 `json:"total"` // nanoseconds
		} `json:"usage"`
	} `json:"cpu"`
	Memory struct {
		Usage struct {
			Usage uint64 `json:"usage"`
			Limit uint64 `json:"limit"`
		} `json:"usage"`
	} `json:"memory"`
	Pids struct {
		Current uint64 `json:"current"`
		Limit   uint64 `json:"limit,omitempty"`
	} `json:"pids"`
}

// bindEvents is "toaster oci events ID".
func bindEvents(set *flag.FlagSet) action {
	once := set.Bool("stats", false, "print one line and end")
	interval := set.Duration("interval", 5*time.Second, "`TIME`: between two lines")
	return func(c *call, args []string) (int, error) { return 0, c.events(args[0], *once, *interval) }
}

// events prints a line a while as long as the container lives, or one.
func (c *call) events(id string, once bool, interval time.Duration) error {
	t, err := c.load(id)
	switch {
	case err != nil:
		return err
	case interval <= 0:
		return fmt.Errorf("--interval %v: want a time above 0", interval)
	case !t.lives():
		return errNotRunning
	}
	out := json.NewEncoder(os.Stdout)
	for {
		if err := out.Encode(event{"stats", t.ID, t.Cgroup.stats()}); err != nil || once {
			return err
		}
		time.Sleep(interval)
		if !t.lives() {
			return nil
		}
	}
}

func (g *cgroup) stats() *stats {
	s := new(stats)
	if g.V2 != "" {
		s.CPU.Usage.Total = 1000 * keyOf(filepath.Join(g.V2, "cpu.stat"), "usage_usec")
		s.Memory.Usage.Usage = readNumber(filepath.Join(g.V2, "memory.current"))
		s.Memory.Usage.Limit = readNumber(filepath.Join(g.V2, "memory.max"))
		s.Pids.Current = readNumber(filepath.Join(g.V2, "pids.current"))
		s.Pids.Limit = readNumber(filepath.Join(g.V2, "pids.max"))
		return s
	}
	s.CPU.Usage.Total = readNumber(filepath.Join(g.V1["cpuacct"], "cpuacct.usage"))
	s.Memory.Usage.Usage = readNumber(filepath.Join(g.V1["memory"], "memory.usage_in_bytes"))
	s.Memory.Usage.Limit = readNumber(filepath.Join(g.V1["memory"], "memory.limit_in_bytes"))
	s.Pids.Current = readNumber(filepath.Join(g.V1["pids"], "pids.current"))
	s.Pids.Limit = readNumber(filepath.Join(g.V1["pids"], "pids.max"))
	return s
}

// readNumber reads a file of one number; what is no number, as "max", or not there is 0.
func readNumber(name string) uint64 {
	b, _ := os.ReadFile(name)
	n, _ := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
	return n
}

// keyOf reads a number out of lines of a name and a number.
func keyOf(file, key string) uint64 {
	b, _ := os.ReadFile(file)
	for line := range strings.Lines(string(b)) {
		if name, value, _ := strings.Cut(strings.TrimSpace(line), " "); name == key {
			n, _ := strconv.ParseUint(value, 10, 64)
			return n
		}
	}
	return 0
}
