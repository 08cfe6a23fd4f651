package hostlimits

import (
	"os"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// addressReserve is how much address space is kept for Go's heap, which grows by 64 MiB,
// and without which the process ends.
const addressReserve = 192 << 20

// addressLimit is RLIMIT_AS, 0 for none.
var addressLimit = sync.OnceValue(func() uint64 {
	var r unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_AS, &r) != nil || r.Cur == unix.RLIM_INFINITY {
		return 0
	}
	return r.Cur
})

// Addresses reports whether this process may map so many bytes on behalf of a guest and
// keep the reserve (RLIMIT_AS, ulimit -v).
func Addresses(bytes uint64) bool {
	limit := addressLimit()
	if limit == 0 {
		return true
	}
	used, ok := mapped()
	return !ok || used+bytes+addressReserve <= limit
}

// mapped is how many bytes this process has mapped.
func mapped() (uint64, bool) { return statm(0) }

// Resident returns how many bytes of memory this process has, 0 if the host does not say.
func Resident() uint64 {
	n, _ := statm(1)
	return n
}

// statm reads a number of proc_pid_statm(5).
func statm(i int) (uint64, bool) {
	b, _ := ReadFile("/proc/self/statm")
	f := strings.Fields(string(b))
	if i >= len(f) {
		return 0, false
	}
	pages, err := strconv.ParseUint(f[i], 10, 64)
	return pages * uint64(os.Getpagesize()), err == nil
}
