// Command toaster-root makes, checks and removes NetBSD file trees. It is what "toaster root"
// runs, a program of its own so that toaster, which starts with every guest, links none of what
// speaks HTTP.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
	"unicode"

	"golang.org/x/sys/unix"

	"toaster"
	"toaster/internal/cmdline"
	"toaster/internal/netbsdroot"
)

// Exit statuses: 1 is a tree that differs, exitFailure what cannot be done, as toaster's own.
const exitFailure = 125

const usage = `create makes DIR a NetBSD file tree of a release's sets. It need not be run by
root: files then are yours, and programs in the tree see the owners that they
have in NetBSD. check says what is no longer as it was unpacked; the status is 1
if something is. rm removes a tree that create has made, and nothing else.
`

// program is the table of the command line. toaster(1) has it behind its own name and "root".
func program() *cmdline.Command {
	return &cmdline.Command{
		Name: "root", Usage: "root create DIR [flags]\n       toaster root check DIR\n       toaster root rm DIR", Flags: new(createFlags).set, Args: cmdline.Dirs,
		Details: func(w io.Writer) { io.WriteString(w, usage) },
		Commands: []cmdline.Command{
			{Name: "create", About: "make a NetBSD file tree", Flags: new(createFlags).set, Args: cmdline.Dirs},
			{Name: "check", About: "say what has changed", Flags: func() *flag.FlagSet { return plainFlags("check") }, Args: cmdline.Dirs},
			{Name: "rm", About: "remove one that create has made", Flags: func() *flag.FlagSet { return plainFlags("rm") }, Args: cmdline.Dirs},
		},
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the command.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		printUsage(stderr)
		return exitFailure
	}
	var err error
	status := 0
	switch args[0] {
	case "create":
		err = create(ctx, args[1:], stderr)
	case "check":
		status, err = check(args[1:], stdout)
	case "rm":
		err = remove(args[1:])
	case "help", "-h", "-help", "--help":
		printUsage(stdout)
	case cmdline.CompleteName:
		program().CompleteWords(stdout, args[1:])
	default:
		err = fmt.Errorf("no command %q; there are create, check and rm", args[0])
	}
	if errors.Is(err, flag.ErrHelp) {
		printUsage(stdout)
		return 0
	}
	if err != nil {
		fmt.Fprintf(stderr, "toaster: root %s: %v\n", args[0], err)
		return exitFailure
	}
	return status
}

func printUsage(w io.Writer) { cmdline.Page(w, "toaster", program(), true) }

type createFlags struct {
	opts  netbsdroot.Options
	sets  string
	quiet bool
}

func (f *createFlags) set() *flag.FlagSet {
	fs := flag.NewFlagSet("create", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.StringVar(&f.opts.Release, "release", "11.0", "the release `N`")
	fs.StringVar(&f.sets, "sets", "base,etc", "`NAME,...`: what to unpack, comp for the compiler")
	fs.StringVar(&f.opts.From, "from", "", "`DIR|URL`: where the sets are, instead of cdn.NetBSD.org")
	fs.StringVar(&f.opts.Cache, "cache", "", "`DIR`: where archives are until the tree is whole")
	fs.BoolVar(&f.opts.Keep, "keep", false, "leave the archives in the cache")
	fs.BoolVar(&f.opts.NoHostFiles, "no-host-files", false, "leave resolv.conf and hosts as the sets have them")
	fs.BoolVar(&f.quiet, "quiet", false, "say nothing but what goes wrong")
	return fs
}

// parseDir parses flags on either side of the one argument.
func parseDir(fs *flag.FlagSet, args []string) (dir string, err error) {
	var dirs []string
	for {
		if err := fs.Parse(args); err != nil {
			return "", err
		}
		if fs.NArg() == 0 {
			break
		}
		dirs, args = append(dirs, fs.Arg(0)), fs.Args()[1:]
	}
	if len(dirs) != 1 {
		return "", fmt.Errorf("takes one directory, got %q", dirs)
	}
	return dirs[0], nil
}

func create(ctx context.Context, args []string, stderr io.Writer) error {
	var f createFlags
	dir, err := parseDir(f.set(), args)
	if err != nil {
		return err
	}
	if f.opts.Sets = strings.Split(f.sets, ","); f.opts.Release == "" || strings.ContainsAny(f.opts.Release, "/?#") {
		return fmt.Errorf("--release %q: no release's name; write it as 11.0", f.opts.Release)
	}
	if !f.quiet {
		f.opts.Log = stderr
		if isTerminal(stderr) {
			f.opts.Terminal = stderr
		}
	}
	f.opts.Run = runInside
	return netbsdroot.Create(ctx, dir, f.opts)
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// runInside runs a program of a tree as the tree's root.
func runInside(ctx context.Context, dir string, argv ...string) error {
	out, err := runOutput(ctx, dir, argv...)
	if err != nil && len(out) > 0 {
		err = fmt.Errorf("%w: %s", err, shown(out))
	}
	return err
}

// mostShown is how much of what a program has said a message has.
const mostShown = 1000

// shown is the end of what a program has said, without what a terminal would obey.
func shown(out []byte) string {
	text := strings.TrimSpace(string(out[max(0, len(out)-mostShown):]))
	return strings.Map(func(r rune) rune {
		if r == '\n' || unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, text)
}

// runOutput is runInside, and returns what the program says.
func runOutput(ctx context.Context, dir string, argv ...string) ([]byte, error) {
	return stepCommand(ctx, dir, argv...).CombinedOutput()
}

// stepCommand is insideCommand for a step of create: what the sets have for pwd_mkdb(8) may be anybody's program, so it has limits, many
// times what that needs.
func stepCommand(ctx context.Context, dir string, argv ...string) *toaster.Cmd {
	cmd := insideCommand(ctx, dir, argv...)
	o := &cmd.Options
	o.MaxProcs, o.MaxLWPs, o.MaxFiles = 32, 64, 256
	o.Memory, o.MaxOutput = 512<<20, 1<<20
	o.WallTime, o.CPUTime = 5*time.Minute, 2*time.Minute
	return cmd
}

func insideCommand(ctx context.Context, dir string, argv ...string) *toaster.Cmd {
	cmd := toaster.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = []string{"PATH=/sbin:/usr/sbin:/bin:/usr/bin"}
	cmd.Options = toaster.Options{Root: dir, Network: toaster.NetworkNone}
	if os.Geteuid() != 0 {
		cmd.Options.User = &toaster.User{}
	}
	return cmd
}

func check(args []string, stdout io.Writer) (int, error) {
	dir, err := parseDir(plainFlags("check"), args)
	if err != nil {
		return 0, err
	}
	wrong, err := netbsdroot.Check(dir, stdout)
	if err != nil || wrong == 0 {
		return 0, err
	}
	return 1, nil
}

func remove(args []string) error {
	dir, err := parseDir(plainFlags("rm"), args)
	if err != nil {
		return err
	}
	return netbsdroot.Remove(dir)
}

func plainFlags(name string) *flag.FlagSet {
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	return fs
}
