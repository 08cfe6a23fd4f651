package main

import (
	"fmt"
	"io"
	"os"

	"toaster"
	"toaster/host"
)

// doctorMain is "toaster doctor": what this host allows, what not, and the remedy. Its
// status is 0 if programs can be run.
func doctorMain(args []string) int {
	if len(args) > 0 {
		complain("doctor: takes no arguments, got %q", args[0])
		return exitOwnFailure
	}
	ok := report(os.Stdout, host.Check())
	reportFeatures(os.Stdout, append(host.Features(), featureTmpfs()))
	if !ok {
		return exitOwnFailure
	}
	return 0
}

// report prints the findings and says whether all is well.
func report(w io.Writer, findings []host.Finding) bool {
	bad := printFindings(w, findings, "FAIL")
	if bad > 0 {
		fmt.Fprintf(w, "\n%d of %d checks failed: NetBSD programs cannot run here until they pass.\n", bad, len(findings))
		return false
	}
	fmt.Fprintf(w, "\nNetBSD/amd64 programs can run here.\n")
	return true
}

// reportFeatures prints what promises rest on. Programs run without.
func reportFeatures(w io.Writer, features []host.Finding) {
	fmt.Fprintf(w, "\nWhat single promises of SECURITY.md rest on:\n\n")
	printFindings(w, features, "no  ")
}

func featureTmpfs() host.Finding {
	if err := toaster.TryTmpfs(); err != nil {
		return host.Finding{Name: "file systems in memory", Detail: err.Error() + ": --tmpfs is refused", Remedy: "run as root, or allow user namespaces; in a container, a profile that allows fsopen"}
	}
	return host.Finding{Name: "file systems in memory", OK: true, Detail: "--tmpfs works"}
}

// printFindings prints a line each, with the remedy where one is needed, and counts those.
func printFindings(w io.Writer, findings []host.Finding, badMark string) (bad int) {
	for _, f := range findings {
		mark := "ok  "
		if !f.OK {
			mark = badMark
			bad++
		}
		fmt.Fprintf(w, "%s  %-28s %s\n", mark, f.Name, f.Detail)
		if !f.OK {
			fmt.Fprintf(w, "      what to do: %s\n", f.Remedy)
		}
	}
	return bad
}
