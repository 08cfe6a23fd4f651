package oci

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// kernelTasks is how many threads the kernel and what it keeps ready may have beside those of programs, where the number of
// tasks is limited. Programs are held to the limit itself by the machine, of which each LWP counts as one.
const kernelTasks = 256

// pidsLimit is how many LWPs there may be; 0 is no limit.
func pidsLimit(r *specs.LinuxResources) int {
	if r == nil || r.Pids == nil {
		return 0
	}
	if n := r.Pids.Limit; n > 0 && n < math.MaxInt32 {
		return int(n)
	}
	return 0
}

// setting is a file of a control group and what is written to it.
type setting struct{ controller, name, value string }

// errNoController is why a limit cannot be had where groups as such can.
var errNoController = errors.New("which linux.resources asks for; have the host's administrator enable it there, or leave that limit out")

// limit writes what resources ask for.
func (g *cgroup) limit(r *specs.LinuxResources) error {
	if r == nil {
		return nil
	}
	for _, s := range g.settings(r) {
		if g.lacks(s.controller) {
			return fmt.Errorf("the host has no controller %s for it, %w", s.controller, errNoController)
		}
		dir := g.V2
		if dir == "" {
			dir = g.V1[s.controller]
		}
		if err := os.WriteFile(filepath.Join(dir, s.name), []byte(s.value), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// lacks reports whether the host has no such controller for the group, which in version 2 each group on the way can withhold.
func (g *cgroup) lacks(controller string) bool {
	if g.V2 == "" {
		return g.V1[controller] == ""
	}
	b, err := os.ReadFile(filepath.Join(g.V2, "cgroup.controllers"))
	return err == nil && !slices.Contains(strings.Fields(string(b)), controller)
}

// settings are the files that limits go to.
func (g *cgroup) settings(r *specs.LinuxResources) []setting {
	if g.V2 != "" {
		return settingsV2(r)
	}
	return settingsV1(r)
}

func settingsV1(r *specs.LinuxResources) (list []setting) {
	add := func(controller, name string, v any) { list = append(list, setting{controller, name, fmt.Sprint(v)}) }
	if m := r.Memory; m != nil {
		if m.Limit != nil && *m.Limit != 0 {
			add("memory", "memory.limit_in_bytes", *m.Limit)
		}
		if m.Swap != nil && *m.Swap != 0 {
			add("memory", "memory.memsw.limit_in_bytes", *m.Swap)
		}
		if m.Reservation != nil && *m.Reservation != 0 {
			add("memory", "memory.soft_limit_in_bytes", *m.Reservation)
		}
	}
	if n := pidsLimit(r); n > 0 {
		add("pids", "pids.max", 2*n+kernelTasks)
	}
	if c := r.CPU; c != nil {
		if c.Shares != nil && *c.Shares != 0 {
			add("cpu", "cpu.shares", *c.Shares)
		}
		if c.Period != nil && *c.Period != 0 {
			add("cpu", "cpu.cfs_period_us", *c.Period)
		}
		if c.Quota != nil && *c.Quota != 0 {
			add("cpu", "cpu.cfs_quota_us", *c.Quota)
		}
	}
	return list
}

func settingsV2(r *specs.LinuxResources) (list []setting) {
	add := func(controller, name, v string) { list = append(list, setting{controller, name, v}) }
	if m := r.Memory; m != nil {
		if m.Limit != nil && *m.Limit != 0 {
			add("memory", "memory.max", most(*m.Limit))
		}
		if m.Swap != nil && *m.Swap != 0 && m.Limit != nil {
			add("memory", "memory.swap.max", swapV2(*m.Swap, *m.Limit))
		}
		if m.Reservation != nil && *m.Reservation != 0 {
			add("memory", "memory.low", most(*m.Reservation))
		}
	}
	if n := pidsLimit(r); n > 0 {
		add("pids", "pids.max", strconv.Itoa(2*n+kernelTasks))
	}
	if c := r.CPU; c != nil {
		if c.Shares != nil && *c.Shares != 0 {
			add("cpu", "cpu.weight", strconv.FormatUint(weightOf(*c.Shares), 10))
		}
		if c.Quota != nil && *c.Quota != 0 {
			period := uint64(100000)
			if c.Period != nil && *c.Period != 0 {
				period = *c.Period
			}
			add("cpu", "cpu.max", fmt.Sprintf("%s %d", most(*c.Quota), period))
		}
	}
	return list
}

// most is a limit as version 2 writes it: below 0 is none.
func most(n int64) string {
	if n < 0 {
		return "max"
	}
	return strconv.FormatInt(n, 10)
}

// swapV2 is how much swap there is beside memory: the specification counts them together.
func swapV2(both, memory int64) string {
	if both < 0 || memory < 0 {
		return "max"
	}
	return strconv.FormatInt(max(both-memory, 0), 10)
}

// weightOf turns the shares of version 1, 2 to 262144, into a weight of version 2, 1 to 10000, as the specification of
// runc and crun does.
func weightOf(shares uint64) uint64 {
	shares = min(max(shares, 2), 262144)
	return 1 + (shares-2)*9999/262142
}
