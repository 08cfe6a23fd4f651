package platform

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Strays are newborn processes that no order is waiting for: their parent died, or they
// were killed themselves, between clone and report. They have no memory of
// toaster's and no way to any; what remains is to collect them.

// cloneDied says whether the process that a guest claims to have forked is
// dead, and collects it if so. The claim may be a lie, so the process must
// be of the zygote's group, where nobody but guests is, by the host's word (statFields); any other would be collected to the
// harm of the program that embeds toaster.
func (p *Platform) cloneDied(pid int) bool {
	if pid <= 0 {
		return true
	}
	p.mu.Lock()
	_, known := p.procs[pid]
	p.mu.Unlock()
	if known {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true
	}
	f := statFields(stat)
	if len(f) < 3 || string(f[2]) != strconv.Itoa(p.zygote.pid) {
		return true
	}
	if f[0][0] != 'Z' {
		return false
	}
	unix.Wait4(pid, nil, unix.WALL|unix.WNOHANG, nil)
	return true
}
