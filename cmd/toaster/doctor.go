package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"

	"toaster"
	"toaster/internal/platform/doctor"
)

const doctorHelp = `doctor checks this host. Each line is "ok", "FAIL" where NetBSD programs cannot run,
or "no" where they run without something that SECURITY.md promises elsewhere; the last
two come with what to do. The exit status is 0 if programs can be run.
`

// doctorMain is "toaster doctor": what this host allows, what not, and the remedy. Its
// status is 0 if programs can be run.
func doctorMain() int {
	ok := report(os.Stdout, doctor.Check())
	reportFeatures(os.Stdout, append(doctor.Features(), featureTmpfs(), featureHostExec()))
	if !ok {
		return exitOwnFailure
	}
	return 0
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
