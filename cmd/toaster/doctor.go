package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"toaster"
	"toaster/internal/platform/doctor"
)

const doctorHelp = `doctor checks this host. Each line is "ok", "FAIL" where NetBSD programs cannot
run, or "no" where they run without something that SECURITY.md promises
elsewhere; the last two come with what to do. The exit status is 0 if programs
can be run. Marks are coloured on a terminal, unless NO_COLOR is set.
`

type doctorFlags struct{ speech }

func (f *doctorFlags) set() *flag.FlagSet {
	fs := newFlagSet("doctor")
	f.addQuiet(fs, "print nothing but what is not ok")
	f.addVerbose(fs, "say which toaster and which Linux it is, too")
	return fs
}

// doctorMain is "toaster doctor": what this host allows, what not, and the remedy. Its
// status is 0 if programs can be run.
func doctorMain(args []string) int {
	var f doctorFlags
	if status, ok := parseOnlyFlags("doctor", f.set(), args); !ok {
		return status
	}
	if f.verbose {
		sayVersions(os.Stdout)
	}
	checks, features := doctor.Check(), append(doctor.Features(), featureTmpfs(), featureHostExec())
	if f.quiet {
		bad := printFindings(os.Stdout, notOK(checks), "FAIL")
		printFindings(os.Stdout, notOK(features), "no  ")
		return doctorStatus(bad == 0)
	}
	ok := report(os.Stdout, checks)
	reportFeatures(os.Stdout, features)
	return doctorStatus(ok)
}

func doctorStatus(ok bool) int {
	if !ok {
		return exitOwnFailure
	}
	return 0
}

// notOK returns the findings that are not.
func notOK(findings []doctor.Finding) []doctor.Finding {
	return slices.DeleteFunc(findings, func(f doctor.Finding) bool { return f.OK })
}

// sayVersions prints what a report of a bug begins with.
func sayVersions(w io.Writer) {
	if info, ok := debug.ReadBuildInfo(); ok {
		printVersion(w, info, true)
	}
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		fmt.Fprintf(w, "host Linux %s\n", strings.TrimSpace(string(release)))
	}
	fmt.Fprintln(w)
}

// report prints the findings and says whether all is well.
func report(w io.Writer, findings []doctor.Finding) bool {
	bad := printFindings(w, findings, "FAIL")
	if bad > 0 {
		fmt.Fprintf(w, "\n%d of %d checks failed: NetBSD programs cannot run here until they pass.\n", bad, len(findings))
		return false
	}
	fmt.Fprintf(w, "\nNetBSD/amd64 programs can run here.\n")
	return true
}

// reportFeatures prints what promises rest on. Programs run without.
func reportFeatures(w io.Writer, features []doctor.Finding) {
	fmt.Fprintf(w, "\nWhat single promises of SECURITY.md rest on:\n\n")
	printFindings(w, features, "no  ")
}

func featureTmpfs() doctor.Finding {
	f := doctor.Finding{Name: "file systems in memory", OK: true, Detail: "--tmpfs works"}
	if err := toaster.TryTmpfs(); err != nil {
		f.OK, f.Detail, f.Remedy = false, err.Error()+": --tmpfs is refused", doctor.NamespaceRemedy(err)
	}
	return f
}

// featureHostExec looks for what --host-exec=binfmt rests on.
func featureHostExec() doctor.Finding {
	f := doctor.Finding{Name: "binfmt_misc of one's own", OK: true, Detail: "--host-exec=binfmt works"}
	if !doctor.KernelAtLeast(6, 7) {
		f.OK, f.Detail, f.Remedy = false, "this kernel has one for all: --host-exec=binfmt is refused", "use Linux 6.7 or newer"
	} else if err := tryNamespace(); err != nil {
		f.OK, f.Detail, f.Remedy = false, fmt.Sprintf("a user namespace: %v: --host-exec=binfmt is refused", err), doctor.NamespaceRemedy(err)
	}
	return f
}

// tryNamespace executes this program, for nothing, in a user and a mount namespace.
func tryNamespace() error {
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = []string{"toaster", "help"}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: oneID(0, os.Geteuid()), GidMappings: oneID(0, os.Getegid()),
	}
	return cmd.Run()
}

// printFindings prints a line each, with the remedy where one is needed, and counts those.
func printFindings(w io.Writer, findings []doctor.Finding, badMark string) (bad int) {
	paint := painter(w)
	for _, f := range findings {
		mark := paint(green, "ok  ")
		if !f.OK {
			mark = paint(markColour[badMark], badMark)
			bad++
		}
		fmt.Fprintf(w, "%s  %-28s %s\n", mark, f.Name, f.Detail)
		if !f.OK {
			fmt.Fprintf(w, "      what to do: %s\n", f.Remedy)
		}
	}
	return bad
}

// markColour is the colour of what is not ok: red if nothing can be run.
var markColour = map[string]colour{"FAIL": red, "no  ": yellow}
