package hostlimits

import (
	"fmt"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// This file looks at the memory limit of the control groups that this process is in. Who
// touches more than there is, is killed by the host: guests, for they ask to be the first
// (host). What this is for is that a guest that asks for more is refused before.

// memoryReserve is how much of a group's limit is kept for the kernel, or an eighth where
// that is less.
const memoryReserve = 64 << 20

// memoryAge is how old the figure of what is left may be.
const memoryAge = 10 * time.Millisecond

// memoryFiles are the names that a version of control groups has for the same things.
type memoryFiles struct{ limit, usage, cache string }

var (
	memoryV1 = memoryFiles{"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"}
	memoryV2 = memoryFiles{"memory.max", "memory.current", "inactive_file"}
)

// memoryGroup is a group with a limit.
type memoryGroup struct {
	group
	files memoryFiles
	limit int64
}

// findMemory looks for the groups with limits, as they are now.
func findMemory() (list []memoryGroup) {
	all := groups("memory")
	if len(all) == 0 {
		return nil
	}
	files := memoryV2
	if hierarchy(string(all[0]), unix.CGROUP_SUPER_MAGIC) {
		files = memoryV1
	}
	for _, g := range all {
		if limit, ok := g.number(files.limit); ok {
			list = append(list, memoryGroup{g, files, limit})
		}
	}
	return list
}

// room is what is left of the limit, less the reserve: files that the host has in its
// cache for the group are dropped before anybody is killed.
func (g memoryGroup) room() int64 {
	used, ok := g.number(g.files.usage)
	if !ok {
		return g.limit
	}
	stat, _ := ReadFile(filepath.Join(string(g.group), "memory.stat"))
	cache, _ := strconv.ParseInt(valueAfter(string(stat), g.files.cache+" "), 10, 64)
	return g.limit - used + cache - min(memoryReserve, g.limit/8)
}

// memory is what is known of the groups.
var memory struct {
	find sync.Once
	list []memoryGroup

	mu   sync.Mutex
	room int64
	when time.Time
}

// MemoryLimited reports whether a control group limits this process's memory.
func MemoryLimited() bool {
	memory.find.Do(func() { memory.list = findMemory() })
	return len(memory.list) > 0
}

// MemoryText says, for people, what the control groups allow.
func MemoryText() string {
	list := findMemory()
	if len(list) == 0 {
		return "no limit of memory"
	}
	text := fmt.Sprintf("a limit of %d MiB of memory", list[0].limit>>20)
	for _, g := range list {
		if g.room() <= 0 {
			return text + ", of which nothing is left for guests"
		}
	}
	return text
}

// Memory reports whether a guest may have so many bytes more and leave the reserve.
func Memory(bytes uint64) bool {
	if !MemoryLimited() {
		return true
	}
	memory.mu.Lock()
	defer memory.mu.Unlock()
	if now := time.Now(); now.Sub(memory.when) > memoryAge {
		memory.when = now
		memory.room = memory.list[0].room()
		for _, g := range memory.list[1:] {
			memory.room = min(memory.room, g.room())
		}
	}
	return bytes <= uint64(max(memory.room, 0))
}
