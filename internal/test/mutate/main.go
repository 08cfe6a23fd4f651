// Mutate puts single faults into a package and says which of them its tests notice.
//
//	go run ./internal/test/mutate -sample 50
//	go run ./internal/test/mutate -func '^findStopped$|^consume$'
//	go run ./internal/test/mutate -page doc/mutation.md
//
// A fault is a condition negated, && for || or the reverse, a bound or a constant off by one, a
// statement or a loop left out, break for continue or the reverse. All of them are compiled into
// one test binary, by an overlay that leaves the sources alone (overlay.go), and a variable of the
// environment chooses which one is there: so a fault costs no build. The tests run with -short.
//
// First each test runs by itself without a fault, and marks which faults it comes by (reach.go).
// With a fault only those tests run until one fails (judge.go), first those that have noticed most
// of the same function for what they cost (record.go). A fault is noticed if one fails, or does not
// end in many times the time that it takes without one.
// What no test comes by is unreached, which counts as unnoticed.
//
// Faults that change nothing that anybody could see are named in equivalent.txt, with the reason.
// What is printed is a table by file, and the faults that nobody noticed. Verdicts are kept in the
// user's cache directory, and a later run goes on from those that still hold: a fault that nobody
// noticed is tried with new tests alone (log.go). SIGINT or SIGTERM ends a run; what it has found
// by then is kept, and reported. On a
// terminal it shows where it is; in a pipe it prints the table alone.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// A plan is what is to be done, as flags say it.
type plan struct {
	dir     string // of the package
	funcs   *regexp.Regexp
	files   *regexp.Regexp
	sample  int
	seed    uint64
	workers int
	cost    time.Duration
	args    []string // for the test binary
	log     string
	fresh   bool
	list    bool
	told    bool
	page    string
}

func main() {
	var p plan
	flag.StringVar(&p.dir, "dir", "kern", "the package's `directory`")
	files := flag.String("files", `\.go$`, "which files, a regular `expression`")
	funcs := flag.String("func", "", "which functions, a regular `expression`")
	flag.IntVar(&p.sample, "sample", 0, "try that `many`, chosen at random; 0 is all")
	flag.Uint64Var(&p.seed, "seed", 1, "of the choice")
	args := flag.String("args", "-rapid.seed=1", "`arguments` for the tests: kern's model is to play the same games each time")
	flag.IntVar(&p.workers, "workers", 2, "how `many` faults are tried at a time")
	flag.DurationVar(&p.cost, "cost", 0, "leave out tests that use more processor `time` than that, if it is not 0; what they would notice counts as unnoticed, until a run without")
	flag.StringVar(&p.log, "log", "", "keep verdicts in this `file` instead of the cache directory")
	flag.BoolVar(&p.fresh, "fresh", false, "forget earlier verdicts")
	flag.BoolVar(&p.list, "list", false, "print the faults, and try none")
	flag.BoolVar(&p.told, "told", false, "try none, and report what is known")
	flag.StringVar(&p.page, "page", "", "write the page of doc to this `file` instead of printing a table")
	flag.Parse()
	if p.log == "" {
		p.log = defaultLog(p.dir)
	}
	p.args = strings.Fields(*args)
	p.files, p.funcs = regexp.MustCompile(*files), regexp.MustCompile(*funcs)
	if err := run(&p); err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

func run(p *plan) error {
	pkg, err := find(p.dir, p.files)
	if err != nil {
		return err
	}
	known, err := equivalents()
	if err != nil {
		return err
	}
	faults := choose(pkg.faults, p)
	if p.list {
		for _, f := range faults {
			fmt.Println(f)
		}
		return nil
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	log, err := try(ctx, pkg, faults, known, p)
	if err != nil {
		return err
	}
	if p.page != "" {
		return writePage(p.page, newResult(faults, log, known))
	}
	newResult(faults, log, known).print(os.Stdout)
	return nil
}

// choose returns the faults that are to be tried, in the order of the sources.
func choose(all []*fault, p *plan) (chosen []*fault) {
	for _, f := range all {
		if p.funcs.MatchString(f.fn) {
			chosen = append(chosen, f)
		}
	}
	if p.sample <= 0 || p.sample >= len(chosen) {
		return chosen
	}
	in := make(map[int]bool)
	r := rand.New(rand.NewPCG(p.seed, 0))
	for _, i := range r.Perm(len(chosen))[:p.sample] {
		in[i] = true
	}
	var some []*fault
	for i, f := range chosen {
		if in[i] {
			some = append(some, f)
		}
	}
	return some
}
