package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
)

const versionHelp = `version prints the module's version, "(devel)" if it was built from a directory
that has none, the Go version that built it, and its platform. With -v it adds
where the sources came from, as far as the go command has noted it (go help
buildvcs): the commit, its time, and whether files were changed beside it.
`

type versionFlags struct{ speech }

func (f *versionFlags) set() *flag.FlagSet {
	fs := newFlagSet("version")
	f.addVerbose(fs, "say where the sources came from")
	fs.BoolVar(&f.verbose, "v", false, "say where the sources came from")
	return fs
}

// versionMain is "toaster version [-v]".
func versionMain(args []string) int {
	var f versionFlags
	fs := f.set()
	switch err := fs.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return helpOn(false, "version")
	case err != nil || fs.NArg() > 0:
		complain("version: takes -v and nothing else, got %q", args)
		return exitOwnFailure
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		complain("version: this executable was built without module support, and does not say")
		return exitOwnFailure
	}
	printVersion(os.Stdout, info, f.verbose)
	return 0
}

// printVersion prints what the go command has noted in the executable.
func printVersion(w io.Writer, info *debug.BuildInfo, verbose bool) {
	fmt.Fprintf(w, "toaster %s %s %s/%s\n", versionOf(info), info.GoVersion, runtime.GOOS, runtime.GOARCH)
	if !verbose {
		return
	}
	fmt.Fprintf(w, "module %s\n", info.Main.Path)
	for _, s := range info.Settings {
		if strings.HasPrefix(s.Key, "vcs") {
			fmt.Fprintf(w, "%s %s\n", s.Key, s.Value)
		}
	}
}

// released is the version that internal/release has the linker write here: a release is built of an archive, of which
// the go command knows no version.
var released string

// versionOf is the version of toaster.
func versionOf(info *debug.BuildInfo) string {
	switch {
	case released != "":
		return released
	case info.Main.Version != "":
		return info.Main.Version
	}
	return "(devel)"
}
