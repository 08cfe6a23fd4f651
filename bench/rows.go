package main

import (
	"context"
	"fmt"
	"strconv"
)

// A row is one line of the table.
type row struct {
	name  string // what -only and files call it
	about string
	aim   float64 // ratio to native that is aimed at; 0 for none
	unit  string
	scale bool   // it is one of -scale's
	of    string // the one system that it is about; empty for all
	// measure returns one figure, in unit. An unavailable says that there is none here.
	measure func(ctx context.Context, s *system) (float64, error)
	// prepare, if it is there, makes what all systems need; an error says why this cannot be had.
	prepare func(ctx context.Context, w *workshop) error
}

// Units of figures: nanoseconds, and bytes.
const (
	inTime  = "ns"
	inBytes = "bytes"
)

// call is a row for something small, which the guest does n times: the figure is of one.
func call(name, about string, n int, aim float64) row {
	return row{name: name, about: about, aim: aim, unit: inTime, measure: inside(n, name, n)}
}

// job is a row for something that the guest does once, n saying how much of it.
func job(name, about string, n int, aim float64) row {
	return row{name: name, about: about, aim: aim, unit: inTime, measure: inside(1, name, n)}
}

// rows returns all rows. Their names stay, as people compare files of different commits.
func rows() []row {
	list := []row{
		call("clock", "clock_gettime", 50000, 0),
		call("getppid", "getppid", 50000, 0),
		call("read", "read of 1 byte", 30000, 1.3),
		call("pipe", "pipe round trip, two goroutines", 3000, 2),
		call("pipe2", "pipe round trip, two processes", 3000, 2),
		call("fork", "fork + exit + wait", 300, 1.5),
		call("vfork", "vfork + exit + wait", 300, 2),
		call("thread", "LWP create + end", 500, 1.3),
		call("spawn", "os/exec spawn + wait", 60, 1.3),
		call("zombies", "reap one of 2,000 zombies by pid", 2000, 0),
		{name: "hello", about: "hello, start to end", aim: 2.5, unit: inTime, measure: hello},
		{name: "bundle", about: "esbuild bundles react-dom", aim: 1.15, unit: inTime, measure: bundle, prepare: prepareBundle},
		job("stat", "20,000 stat", 20000, 2),
		{name: "walk", about: "walk of Go's source tree", aim: 1.3, unit: inTime, measure: walk, prepare: prepareWalk},
		job("create", "2,000 small files created", 2000, 1.5),
		job("readfiles", "2,000 small files read", 2000, 1.5),
		job("lines", "20,000 lines, a write each", 20000, 1.2),
		job("write", "256 MB written, 64 KB a call", 256, 1.1),
		job("readbig", "256 MB read, 64 KB a call", 256, 1.1),
		job("tcp", "512 MB through a TCP connection", 512, 1.3),
		job("http", "HTTP, 2,000 requests one by one", 2000, 1.4),
		job("http8", "HTTP, 8,000 requests by eight", 8000, 1.4),
		job("chan", "100,000 rounds over channels", 100000, 1.1),
		job("trees", "20 trees for the collector", 20, 1.1),
		job("sort", "four sorts of 50,000 strings", 50000, 1.1),
		job("mutex", "800,000 locks of one mutex", 100000, 0),
		job("go", "100,000 goroutines", 100000, 0),
		job("timers", "10,000 timers within 50 ms", 10000, 0),
		job("sleep", "200 sleeps of 1 ms", 200, 1.1),
		job("sha256", "SHA-256 of 200 MB", 200, 0),
		job("gzip", "JSON through gzip", 20000, 0),
		{name: "dd", about: "C: dd bs=512 count=20000", aim: 1.5, unit: inTime, measure: dd, prepare: prepareTree},
		{name: "cat", about: "C: 50 MB through cat | cat", aim: 1.3, unit: inTime, measure: catCat, prepare: prepareTree},
	}
	return append(list, scaleRows()...)
}

// grown is a kind of rows that do the same number of things among more and more.
type grown struct {
	name, about, mode string
	n                 int // how many things there are to do; no less than there are at once
	at                []int
}

// openMode is the guest's mode that needs as many open files as it is told.
const openMode = "open"

var growths = []grown{
	{"spawn", "spawn + wait, at once: %s", "spawns", 512, []int{1, 8, 64, 512}},
	{"pairs", "pipe round trip, pairs of processes: %s", "pairs", 8192, []int{1, 8, 64, 512}},
	{"servers", "HTTP request, servers: %s", "servers", 4096, []int{1, 8, 64, 512}},
	{"open", "open + read + close, files open: %s", openMode, 10000, []int{10, 100, 1000, 10000, 100000}},
	{"lwps", "LWP create + end, at once: %s", "lwps", 1000, []int{1, 10, 100, 1000}},
	{"wake", "LWP wake, asleep: %s", "wake", 10000, []int{1, 10, 100, 1000}},
}

// scaleRows are the rows of -scale. The figure of each is of one of the things that are done.
func scaleRows() []row {
	var list []row
	for _, g := range growths {
		for _, k := range g.at {
			n := max(g.n, k)
			r := row{
				name: g.name + "/" + strconv.Itoa(k), about: fmt.Sprintf(g.about, thousands(k)),
				unit: inTime, scale: true, measure: inside(n, g.mode, n, strconv.Itoa(k)),
			}
			if g.mode == openMode {
				r.prepare = func(context.Context, *workshop) error { return allowFiles(uint64(k)) }
			}
			list = append(list, r)
		}
	}
	return append(list, memoryRows()...)
}

// thousands writes a number as the table does: 1,000.
func thousands(n int) string {
	if n < 1000 {
		return strconv.Itoa(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}
