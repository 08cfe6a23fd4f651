// Bench prints what things cost in a NetBSD program under toaster, beside the same source
// built for Linux and run natively, and under gVisor's runsc where that is on PATH.
//
//	go run ./bench                             # all rows; -list has their names
//	go run ./bench -only 'http.*|pipe2'        # some of them
//	go run ./bench -scale                      # how costs grow, and memory
//	go run ./bench -json new.json -plot new.svg
//	go run ./bench -against old.json           # measure, and compare
//	go run ./bench -against old.json new.json  # compare what has been measured
//	go run ./bench -beside ./old-toaster       # two builds of toaster, in one run
//
// A figure is the median of all rounds. The systems take turns within each round, another
// one first each time, and a ratio is the median of the rounds' own ratios: what disturbs
// the machine for a while disturbs all systems. Beside it stands its spread, in which the
// true median lies with a certainty of 95 %; with less than six rounds, these are all that
// were measured.
//
// -against names the rows whose spread lies wholly above the old one, and then exits with
// status 1. As chance makes one of twenty rows do that with three rounds, and one of 250
// with five, take five or more.
//
// -beside measures another toaster command in the same rounds, and prints what each row costs now
// of what it costs with that one: on a machine that is never quiet, two runs do not tell that.
//
// Go uses no AVX on NetBSD (internal/cpu/cpu_x86_netbsd.go), so what it computes that way takes longer there, whatever runs it:
// sha256 above all, which takes as long natively with GODEBUG=cpu.avx=off.
//
// Three rows are for programs of others: esbuild, which npm fetches, and dd and cat of a
// NetBSD file tree that TOASTER_NETBSD_ROOT names, beside the host's own. Without them the
// table does without these rows, and says why. On a terminal the command shows where it is;
// in a pipe it prints the table alone.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"syscall"
)

// options are what the command line asks for.
type options struct {
	rounds  int
	only    *regexp.Regexp
	scale   bool
	list    bool
	json    string
	plot    string
	against string
	beside  string // another toaster command
	from    string // results to take instead of measuring
}

func main() {
	o, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
		err = run(ctx, os.Stdout, o)
		if ctx.Err() != nil {
			progress("")
			err = errors.New("interrupted")
		}
		stop()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func parse(args []string) (*options, error) {
	o := new(options)
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.Usage = func() {
		fmt.Fprintln(f.Output(), "usage: go run ./bench [flags] [results.json]\n\nWith results.json nothing is measured; it is what -json has written.")
		f.PrintDefaults()
	}
	f.IntVar(&o.rounds, "rounds", 5, "measure everything this `number` of times")
	only := f.String("only", "", "measure the rows alone whose whole name matches `PATTERN`, a regular expression")
	f.BoolVar(&o.scale, "scale", false, "measure how costs grow, and memory, instead")
	f.BoolVar(&o.list, "list", false, "print the names of the rows, and measure none")
	f.StringVar(&o.json, "json", "", "write the results to `FILE`")
	f.StringVar(&o.plot, "plot", "", "draw the ratios as bars, an SVG, into `FILE`")
	f.StringVar(&o.against, "against", "", "name the rows that are slower than in `FILE`, results of an earlier run")
	f.StringVar(&o.beside, "beside", "", "measure another toaster `COMMAND`, too, and compare round by round")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if o.from = f.Arg(0); f.NArg() > 1 || o.rounds < 1 {
		return nil, errors.New("-rounds is one or more, and there is one file with results at most")
	}
	// An -only without special characters is a name, as ever.
	var err error
	if o.only, err = regexp.Compile("^(?:" + *only + ")$"); *only == "" {
		o.only = regexp.MustCompile("")
	}
	return o, err
}

func run(ctx context.Context, w io.Writer, o *options) error {
	if o.list {
		printNames(w, rows())
		return nil
	}
	// What cannot be read is said now, not after half an hour.
	var old *results
	var err error
	if o.against != "" {
		if old, err = load(o.against); err != nil {
			return err
		}
	}
	res, err := get(ctx, o)
	if res == nil {
		return err
	}
	printTable(w, res)
	printBeside(w, res)
	if o.json != "" {
		err = errors.Join(err, res.store(o.json))
	}
	if o.plot != "" {
		err = errors.Join(err, writePlot(o.plot, res))
	}
	if old != nil {
		err = errors.Join(err, judge(w, o.against, old, res))
	}
	return err
}

// get measures, or reads what has been measured. Where some rows failed there are both
// results and an error.
func get(ctx context.Context, o *options) (*results, error) {
	if o.from != "" {
		return load(o.from)
	}
	return measureAll(ctx, o)
}

// progress shows what is being done on a terminal, and nothing in a pipe.
func progress(format string, args ...any) {
	st, err := os.Stderr.Stat()
	if err == nil && st.Mode()&os.ModeCharDevice != 0 {
		fmt.Fprintf(os.Stderr, "\r\x1b[K"+format, args...)
	}
}
