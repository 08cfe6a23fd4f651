// Guest is what the benchmark measures: the same source, built for Linux and for NetBSD.
//
//	guest MODE N [ARG]
//
// does a thing N times, and prints the nanoseconds that all took together.
package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"time"
)

// A mode is one thing to measure: n is how often, arg what is known to this mode alone.
type mode struct {
	run func(w *watch, n int, arg string) error
	// whole says that it is a job rather than a call. A job is done twice and the second
	// counts: the first also pays for what every program starts with, as page faults of
	// the heap.
	whole bool
}

var modes = map[string]mode{
	"clock":   {run: clock},
	"getppid": {run: getppid},
	"read":    {run: readByte},
	"pipe":    {run: pipeRoundTrip},
	"pipe2":   {run: pipeBetween},
	"fork":    {run: forkExitWait},
	"vfork":   {run: vforkExitWait},
	"thread":  {run: thread},
	"spawn":   {run: spawn},
	"zombies": {run: zombies},

	"stat":      {run: statFile, whole: true},
	"walk":      {run: walkTree, whole: true},
	"create":    {run: createFiles, whole: true},
	"readfiles": {run: readFiles, whole: true},
	"lines":     {run: writeLines, whole: true},
	"write":     {run: writeBig, whole: true},
	"readbig":   {run: readBig, whole: true},
	"tcp":       {run: streamTCP, whole: true},
	"http":      {run: getOneByOne, whole: true},
	"http8":     {run: getByEight, whole: true},
	"chan":      {run: channels, whole: true},
	"trees":     {run: collectTrees, whole: true},
	"sort":      {run: sortInParallel, whole: true},
	"mutex":     {run: contendMutex, whole: true},
	"go":        {run: startGoroutines, whole: true},
	"timers":    {run: fireTimers, whole: true},
	"sleep":     {run: sleepShortly, whole: true},
	"sha256":    {run: hash, whole: true},
	"gzip":      {run: compress, whole: true},

	"spawns":  {run: spawnsAtOnce},
	"pairs":   {run: pairsAtOnce},
	"servers": {run: serversAtOnce},
	"open":    {run: openFiles},
	"lwps":    {run: lwpsAtOnce},
	"wake":    {run: wakeLWPs},
}

// children are the modes that measure nothing: what other modes and the benchmark run.
var children = map[string]func(n int) error{
	"hello":    func(int) error { _, err := fmt.Println("hello"); return err },
	"echo":     func(int) error { echo(); return nil },
	"serve":    func(int) error { return serve() },
	"stay":     func(int) error { return stay() },
	"sleepers": sleepers,
	"programs": programs,
}

func main() {
	if len(os.Args) == 1 {
		return
	}
	n, arg := 0, ""
	var err error
	if len(os.Args) > 2 {
		n, err = strconv.Atoi(os.Args[2])
	}
	if len(os.Args) > 3 {
		arg = os.Args[3]
	}
	child, m := children[os.Args[1]], modes[os.Args[1]]
	switch {
	case err != nil || child == nil && (m.run == nil || n < 1):
		fmt.Fprintln(os.Stderr, "usage: guest MODE N [ARG]")
		os.Exit(2)
	case child != nil:
		err = child(n)
	default:
		err = measure(m, n, arg)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, os.Args[1]+":", err)
		os.Exit(1)
	}
}

func measure(m mode, n int, arg string) error {
	if m.whole {
		if err := m.run(new(watch), n, arg); err != nil {
			return err
		}
	}
	w := new(watch)
	w.start()
	if err := m.run(w, n, arg); err != nil {
		return err
	}
	w.stop()
	fmt.Println(w.total.Nanoseconds())
	return nil
}

// watch measures time. It runs when a mode begins; what is not to be measured stops it.
type watch struct {
	total   time.Duration
	since   time.Time
	running bool
}

func (w *watch) start() { w.since, w.running = time.Now(), true }

func (w *watch) stop() {
	if w.running {
		w.total += time.Since(w.since)
	}
	w.running = false
}

// restart forgets what has been measured: only what follows counts.
func (w *watch) restart() {
	w.total = 0
	w.start()
}

// self is this program again.
func self(args ...string) *exec.Cmd {
	path, err := os.Executable()
	if err != nil {
		path = os.Args[0]
	}
	return exec.Command(path, args...)
}

// untilEOF returns at the end of standard input. A child that waits in it ends with its
// parent, however that ends.
func untilEOF() { io.Copy(io.Discard, os.Stdin) }
