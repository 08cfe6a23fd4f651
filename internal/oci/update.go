package oci

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// bindUpdate is "toaster oci update ID".
func bindUpdate(set *flag.FlagSet) action {
	var file string
	both(set, "resources r", func(n string) { set.StringVar(&file, n, "", "`FILE`: the limits as JSON, - is standard input") })
	memory, pids, cpu := &specs.LinuxMemory{}, &specs.LinuxPids{}, &specs.LinuxCPU{}
	set.Func("memory", "`BYTES`: memory at most", number(&memory.Limit))
	set.Func("memory-swap", "`BYTES`: memory and swap at most", number(&memory.Swap))
	set.Func("memory-reservation", "`BYTES`: what stays where memory is short", number(&memory.Reservation))
	set.Func("cpu-quota", "`MICROSECONDS`: time on processors in a period", number(&cpu.Quota))
	set.Func("cpu-period", "`MICROSECONDS`: how long a period is", unsigned(&cpu.Period))
	set.Func("cpu-share", "`N`: its weight beside others", unsigned(&cpu.Shares))
	set.Int64Var(&pids.Limit, "pids-limit", 0, "`N`: LWPs at most")
	return func(c *call, args []string) (int, error) {
		return 0, c.update(args[0], file, &specs.LinuxResources{Memory: memory, Pids: pids, CPU: cpu})
	}
}

// update changes limits of the control group, and of the machine where that has its own. What the file says replaces r's.
func (c *call) update(id, file string, r *specs.LinuxResources) error {
	if file != "" {
		if err := readResources(file, r); err != nil {
			return fmt.Errorf("--resources: %w", err)
		}
	}
	t, err := c.load(id)
	if err != nil {
		return err
	}
	if t.status() == stopped {
		return errNotRunning
	}
	if err := t.limitGroup(r); err != nil {
		return err
	}
	if n := pidsLimit(r); n > 0 {
		_, err = t.ask(&request{Op: opLimits, MaxLWP: n})
	}
	return err
}

// limitGroup changes limits of the control group. Without one only the machine's are left, and of those the number of LWPs
// alone can change.
func (t *container) limitGroup(r *specs.LinuxResources) error {
	if len(t.Cgroup.dirs()) > 0 {
		if err := t.Cgroup.limit(r); err != nil {
			return fmt.Errorf("control group: %w", err)
		}
		return nil
	}
	for _, s := range settingsV2(r) {
		if s.controller != "pids" {
			return fmt.Errorf("container %q has no control group, so its limits of %s stay as they are; make it anew with the limits that it is to have, as root or below a group that is delegated to you", t.ID, s.controller)
		}
	}
	return nil
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
