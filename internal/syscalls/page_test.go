package syscalls

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"toaster/netbsd"
)

var update = flag.Bool("update", false, "rewrite doc/system-calls.md")

const pageName = "../../doc/system-calls.md"

// doc/system-calls.md says what the table says.
func TestPageIsCurrent(t *testing.T) {
	want := page()
	if *update {
		if err := os.WriteFile(pageName, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if have, err := os.ReadFile(pageName); err != nil || string(have) != want {
		t.Errorf("doc/system-calls.md is not what the table says: run go generate ./internal/syscalls (%v)", err)
	}
}

const pageHead = `# System calls

This page is made from the rows of internal/syscalls/table_*.go by ` + "`go generate ./internal/syscalls`" + `. It has each call of
NetBSD 11 for amd64, and those that only old programs make. Release 10 ends at 499.

- **full**: as NetBSD does it, as far as tests and the manual reach.
- **partial**: what is missing is said beside it.
- **refused**: the answer that a GENERIC kernel of NetBSD/amd64 gives to a program without the right, the device, the file system
  or the module that it takes, with what it checks before: toaster has none of these to give, whatever the user. The note says
  which. ENOSYS comes with SIGSYS where it does on NetBSD (sys_nosys), as for all numbers that are in no row.
- **none**: fails with ENOSYS, without SIGSYS.
  ` + "`toaster run --trace -`" + ` shows such a call.

`

// page renders the table.
func page() string {
	var b strings.Builder
	b.WriteString(pageHead)
	b.WriteString("| family | calls | full | partial | refused | none |\n| --- | --: | --: | --: | --: | --: |\n")
	var all [4]int
	for _, f := range Families() {
		var n [4]int
		for i := range f.Calls {
			n[f.Calls[i].Support]++
			all[f.Calls[i].Support]++
		}
		writeCounts(&b, fmt.Sprintf("[%s](#%[1]s)", f.Name), n)
	}
	writeCounts(&b, "all", all)
	for _, f := range Families() {
		fmt.Fprintf(&b, "\n## %s\n\n| number | call | support | note |\n| --: | --- | --- | --- |\n", f.Name)
		for i := range f.Calls {
			s := &f.Calls[i]
			fmt.Fprintf(&b, "| %d | %s | %s | %s |\n", s.Nr, synopsis(s), s.Support, s.Note)
		}
	}
	return b.String()
}

func writeCounts(b *strings.Builder, name string, n [4]int) {
	fmt.Fprintf(b, "| %s | %d | %d | %d | %d | %d |\n", name, n[None]+n[Full]+n[Partial]+n[Refused], n[Full], n[Partial], n[Refused], n[None])
}

// synopsis is a call with the names of its arguments.
func synopsis(s *Syscall) string {
	var names []string
	for _, a := range Prototype(s.Nr).Args {
		if a.Kind != netbsd.KPad {
			names = append(names, a.Name)
		}
	}
	return "`" + s.Name() + "(" + strings.Join(names, ", ") + ")`"
}
