package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
)

const versionHelp = `version prints the module's version, "(devel)" if it was built from a directory that has
none, the Go version that built it, and its platform. With -v it adds where the sources
came from, as far as the go command has noted it (go help buildvcs): the commit, its time,
and whether files were changed beside it.
`

// versionMain is "toaster version [-v]".
func versionMain(args []string) int {
	verbose := len(args) == 1 && (args[0] == "-v" || args[0] == "--v")
	switch {
	case len(args) == 1 && isHelp(args[0]):
		return helpOn("version")
	case len(args) > 0 && !verbose:
		complain("version: takes -v and nothing else, got %q", args)
		return exitOwnFailure
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		complain("version: this executable was built without module support, and does not say")
		return exitOwnFailure
	}
	printVersion(os.Stdout, info, verbose)
	return 0
}

// printVersion prints what the go command has noted in the executable.
func printVersion(w io.Writer, info *debug.BuildInfo, verbose bool) {
	version := info.Main.Version
	if version == "" {
		version = "(devel)"
	}
	fmt.Fprintf(w, "toaster %s %s %s/%s\n", version, info.GoVersion, runtime.GOOS, runtime.GOARCH)
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
