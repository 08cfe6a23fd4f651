package oci

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// update is "toaster oci update ID": limits of the control group, and of the machine where that has its own.
func (c *call) update(args []string) (int, error) {
	set := newFlagSet("update")
	var file string
	var r specs.LinuxResources
	both(set, "resources r", func(n string) { set.StringVar(&file, n, "", "") })
	memory, pids, cpu := &specs.LinuxMemory{}, &specs.LinuxPids{}, &specs.LinuxCPU{}
	set.Func("memory", "", number(&memory.Limit))
	set.Func("memory-swap", "", number(&memory.Swap))
	set.Func("memory-reservation", "", number(&memory.Reservation))
	set.Func("cpu-quota", "", number(&cpu.Quota))
	set.Func("cpu-period", "", unsigned(&cpu.Period))
	set.Func("cpu-share", "", unsigned(&cpu.Shares))
	set.Int64Var(&pids.Limit, "pids-limit", 0, "")
	rest, err := parse(set, args, 1, 1)
	if err != nil {
		return 0, err
	}
	r.Memory, r.Pids, r.CPU = memory, pids, cpu
	if file != "" {
		if err := readResources(file, &r); err != nil {
			return 0, fmt.Errorf("--resources: %w", err)
		}
	}
	t, err := c.load(rest[0])
	if err != nil {
		return 0, err
	}
	if t.status() == stopped {
		return 0, errNotRunning
	}
	if err := t.Cgroup.limit(&r); err != nil {
		return 0, fmt.Errorf("control group: %w", err)
	}
	if n := pidsLimit(&r); n > 0 {
		_, err = t.ask(&request{Op: opLimits, MaxLWP: n})
	}
	return 0, err
}

// readResources reads resources as JSON; - is standard input.
func readResources(name string, r *specs.LinuxResources) error {
	b, err := []byte(nil), error(nil)
	if name == "-" {
		b, err = io.ReadAll(os.Stdin)
	} else {
		b, err = os.ReadFile(name)
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(b, r)
}

func number(p **int64) func(string) error {
	return func(s string) error {
		n, err := strconv.ParseInt(s, 10, 64)
		*p = &n
		return err
	}
}

func unsigned(p **uint64) func(string) error {
	return func(s string) error {
		n, err := strconv.ParseUint(s, 10, 64)
		*p = &n
		return err
	}
}
