package main

import "time"

// A row of the page is a suite.
type row struct {
	name     string
	module   string   // whose tests these are, "" for the standard library
	version  string   // of the module
	patterns []string // which packages, as the go command takes them
	short    bool     // with -short
	inside   bool     // the go command itself, too, is a guest
	limit    time.Duration
	needs    string // what of it cannot be had offline
}

const network = "the module and what it needs, from the module proxy"

var rows = []row{
	{name: "std", patterns: []string{"std"}, short: true, limit: 10 * time.Minute},
	{name: "os", patterns: []string{"os"}, limit: 10 * time.Minute},
	{name: "os/exec", patterns: []string{"os/exec"}, limit: 10 * time.Minute},
	{name: "os/signal", patterns: []string{"os/signal"}, limit: 10 * time.Minute},
	{name: "syscall", patterns: []string{"syscall"}, limit: 10 * time.Minute},
	{name: "runtime", patterns: []string{"runtime"}, limit: 20 * time.Minute},
	{name: "net", patterns: []string{"net"}, limit: 10 * time.Minute, needs: "tests that look up names and dial hosts of the Internet: they need network"},
	{name: "net/http", patterns: []string{"net/http"}, limit: 10 * time.Minute},
	{name: "time", patterns: []string{"time"}, limit: 10 * time.Minute},
	{name: "internal/poll", patterns: []string{"internal/poll"}, limit: 10 * time.Minute},
	{name: "toolchain", module: "golang.org/x/sync", version: "v0.24.0", patterns: []string{"./..."}, inside: true, limit: 10 * time.Minute, needs: network},
	{name: "gopsutil", module: "github.com/shirou/gopsutil/v4", version: "v4.26.10", patterns: []string{"./..."}, limit: 5 * time.Minute, needs: network},
	{name: "restic", module: "github.com/restic/restic", version: "v0.18.1", patterns: []string{"./internal/fs"}, limit: 5 * time.Minute, needs: network},
	{name: "miekg/dns", module: "github.com/miekg/dns", version: "v1.1.73", patterns: []string{"./..."}, limit: 5 * time.Minute, needs: network},
	{name: "pion/transport", module: "github.com/pion/transport/v5", version: "v5.1.5", patterns: []string{"./..."}, limit: 5 * time.Minute, needs: network},
	{name: "pkg/xattr", module: "github.com/pkg/xattr", version: "v0.4.12", patterns: []string{"./..."}, limit: 5 * time.Minute, needs: network},
	{name: "x/net", module: "golang.org/x/net", version: "v0.62.0", patterns: []string{"./..."}, limit: 5 * time.Minute, needs: network},
	{name: "raft", module: "github.com/hashicorp/raft", version: "v1.8.0", patterns: []string{"./..."}, limit: 10 * time.Minute, needs: network},
	{name: "go-expect", module: "github.com/Netflix/go-expect", version: "v0.0.0-20220104043353-73e0943537d2", patterns: []string{"./..."}, limit: 5 * time.Minute, needs: network},
	{name: "creack/pty", module: "github.com/creack/pty", version: "v1.1.24", patterns: []string{"./..."}, limit: 5 * time.Minute, needs: network},
}

func names() (list []string) {
	for _, r := range rows {
		list = append(list, r.name)
	}
	return list
}

// find returns the row of a name, which can also be that of its module.
func find(name string) (row, bool) {
	for _, r := range rows {
		if r.name == name || r.module == name && !r.inside {
			return r, true
		}
	}
	return row{}, false
}
