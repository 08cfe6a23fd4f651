package main

import (
	"fmt"
	"io"
	"os"

	"toaster/host"
)

// doctorMain is "toaster doctor": what this host allows, what not, and the remedy. Its
// status is 0 if programs can be run.
func doctorMain(args []string) int {
	if len(args) > 0 {
		complain("doctor: takes no arguments, got %q", args[0])
		return exitOwnFailure
	}
	if !report(os.Stdout, host.Check()) {
		return exitOwnFailure
	}
	return 0
}

// report prints the findings and says whether all is well.
func report(w io.Writer, findings []host.Finding) bool {
	bad := 0
	for _, f := range findings {
		mark := "ok  "
		if !f.OK {
			mark = "FAIL"
			bad++
		}
		fmt.Fprintf(w, "%s  %-28s %s\n", mark, f.Name, f.Detail)
		if !f.OK {
			fmt.Fprintf(w, "      what to do: %s\n", f.Remedy)
		}
	}
	if bad > 0 {
		fmt.Fprintf(w, "\n%d of %d checks failed: NetBSD programs cannot run here until they pass.\n", bad, len(findings))
		return false
	}
	fmt.Fprintf(w, "\nNetBSD/amd64 programs can run here.\n")
	return true
}
