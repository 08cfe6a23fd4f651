// Campaign attacks a machine with guests that do random hostile things, round after round,
// each in a kernel of its own process, and looks at what is left.
//
//	go run ./internal/test/campaign -time 10m
//	go run ./internal/test/campaign -replay 12345 -procs 4
//	go run ./internal/test/campaign -kills 1000
//
// A round is a machine below a root and a guest, internal/test/attacks/programs/fuzz.c, with
// a seed. It has found something if the kernel panics or ends, hangs, is inconsistent
// afterwards (kern's Check), leaves host processes, or if goroutines, threads, descriptors or
// memory grow over the rounds. What is found is tried again by its seed, and then with fewer
// processes, LWPs, steps and kinds while it still happens. With -kills the kernel is killed at
// random moments instead, and nothing of it may remain.
//
// On a terminal it shows where it is; in a pipe it says what it has found and the sum.
package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"toaster/internal/test/attacks"
	"toaster/internal/test/progress"
)

// A plan is what a round does, as flags say it.
type plan struct {
	seed   uint64
	procs  int
	lwps   int
	steps  int
	kinds  uint
	births int
	limit  time.Duration
}

// allKinds is fuzz.c's bit set of kinds.
const allKinds = 255

func main() {
	var p plan
	total := flag.Duration("time", 0, "how long it goes on; if not said, a minute, or until all kills are done")
	flag.Uint64Var(&p.seed, "seed", 0, "the first `seed`; 0 is a random one")
	flag.IntVar(&p.procs, "procs", 8, "processes at once")
	flag.IntVar(&p.lwps, "lwps", 3, "LWPs of a process")
	flag.IntVar(&p.steps, "steps", 300, "what each LWP does")
	flag.UintVar(&p.kinds, "kinds", allKinds, "bit set of what: 1 calls, 2 slots, 4 frames, 8 calls of the host, 16 rt_sigreturn, 32 silence, 64 kills, 128 files")
	flag.IntVar(&p.births, "births", 40, "processes in a round")
	flag.DurationVar(&p.limit, "round", 3*time.Second, "how long a round may take")
	replay := flag.Uint64("replay", 0, "play the round of this `seed` alone, until it fails or -time is over")
	kills := flag.Int("kills", 0, "kill the kernel `n` times instead, at random moments")
	role := flag.String("role", "", "for the campaign itself")
	root := flag.String("root", "", "for the campaign itself")
	flag.Parse()
	if *role == "kernel" {
		serveRounds(p, *root)
		return
	}
	if p.seed == 0 {
		p.seed = rand.Uint64()>>16 | 1
	}
	if *total == 0 && *kills == 0 {
		*total = time.Minute
	}
	os.Exit(campaign(p, *total, *replay, *kills))
}

// endOf is when a campaign of that length ends; one of no length does not.
func endOf(total time.Duration) time.Time {
	if total == 0 {
		return time.Time{}
	}
	return time.Now().Add(total)
}

// campaign does what was asked for and returns the exit status: 1 if it has found something.
func campaign(p plan, total time.Duration, replay uint64, kills int) int {
	dir, err := os.MkdirTemp("", "toaster-campaign-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = attacks.BecomeSubreaper()
	}
	programs := filepath.Join(dir, "programs")
	if err == nil {
		err = attacks.Build(programs)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "campaign: %v\n", err)
		return 2
	}
	c := &runner{dir: dir, programs: programs, end: endOf(total), interrupted: make(chan os.Signal, 1), show: progress.New(os.Stdout)}
	signal.Notify(c.interrupted, os.Interrupt)
	switch {
	case kills > 0:
		return c.murders(p, kills)
	case replay != 0:
		p.seed = replay
		return c.replay(p)
	}
	return c.search(p)
}
