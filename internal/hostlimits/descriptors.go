// Package hostlimits knows how much of the host this process may use: descriptors, tasks
// and memory, by resource limits and control groups. What is asked for on behalf of a
// guest must leave a reserve, as the process would end without it: Go's runtime cannot
// go on where the host refuses a thread or memory.
package hostlimits

import (
	"sync"

	"golang.org/x/sys/unix"
)

// reserveDescriptors is how many descriptors are kept for the kernel's own work, such as
// the directories on the way to a file: a quarter where there are few.
const reserveDescriptors = 64

// topDescriptor is the first one that is of the reserve.
var topDescriptor = sync.OnceValue(func() int {
	var r unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &r) != nil {
		return 1 << 30
	}
	return topOf(r.Cur)
})

func topOf(limit uint64) int {
	n := int(min(limit, 1<<30))
	return n - min(reserveDescriptors, n/4)
}

// Scarce says of a descriptor that has just been made for a guest whether it is of the
// reserve and must be given back. The host hands out the lowest number that is free, so
// that the number says how many are in use at least.
func Scarce(fd int) bool { return fd >= topDescriptor() }
