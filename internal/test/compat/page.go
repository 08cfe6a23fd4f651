package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// pageFile is the page, from the top of the repository.
const pageFile = "doc/compatibility.md"

const preface = `# Compatibility

Tests that others wrote, built with ` + "`GOOS=netbsd`" + ` and run under toaster with nothing but ` + "`toaster setup`" + ` done, beside the same
tests built for Linux, on the same machine. The page is made of ` + "`" + resultsFile + "`" + ` by

` + "```sh" + `
go run ./internal/test/compat                           # all rows: hours
go run ./internal/test/compat -only net/http,restic     # some
go run ./internal/test/compat -only std -packages '^io' # some packages of one
go run ./internal/test/compat -missing                  # what has not been run
` + "```" + `

- Both sides are run with ` + "`go test -json -vet=off -count=1`" + ` and without cgo; the row ` + "`std`" + ` with ` + "`-short`" + `, all others without.
- A test that has subtests counts by these, and by itself only if it fails while none of them does. Tests for one system only
  make sides differ that have no failure.
- What fails, and is not known to, is run again, alone, up to three times. What passes then is counted as passed, and named.
- A package is ended after its time (` + "`internal/test/compat/rows.go`" + `); the test that was running then has failed.
- The columns "NetBSD" are toaster's, not those of a real NetBSD; the columns "Linux" are the machine of the run, with its filters and what network it has.

`

// writePage writes the page anew.
func writePage(top string, known *results) error {
	return os.WriteFile(filepath.Join(top, pageFile), []byte(render(known)), 0o644)
}

func render(known *results) string {
	var b strings.Builder
	b.WriteString(preface)
	b.WriteString("| suite | version | packages | NetBSD: pass | skip | fail | Linux: pass | skip | fail | run on |\n")
	b.WriteString("| --- | --- | --: | --: | --: | --: | --: | --: | --: | --- |\n")
	for _, row := range rows {
		b.WriteString(line(row, known.of(row.name), known.Refused[row.name]))
	}
	b.WriteString(hosts(known))
	for _, row := range rows {
		b.WriteString(section(row, known.of(row.name), known.Refused[row.name]))
	}
	return b.String()
}

// of returns the packages of a row.
func (k *results) of(row string) (list []*result) {
	for _, r := range k.Packages {
		if r.Row == row {
			list = append(list, r)
		}
	}
	return list
}

// line is a row of the table.
func line(row row, list []*result, refused string) string {
	if len(list) == 0 {
		why := "not run"
		if refused != "" {
			why = "not run, see below"
		}
		return fmt.Sprintf("| [%s](#%s) | %s | | %s | | | %s | | | |\n", row.name, anchor(row.name), row.version, why, why)
	}
	return fmt.Sprintf("| [%s](#%s) | %s | %d | %s | %s | %s |\n", row.name, anchor(row.name), version(row, list), len(list),
		sum(list, netbsdSide), sum(list, linuxSide), days(list))
}

// version is the module's, or that of Go.
func version(row row, list []*result) string {
	if row.module != "" {
		return each(list, func(r *result) string { return r.Version })
	}
	return each(list, func(r *result) string { return strings.TrimPrefix(r.Go, "go") })
}

func days(list []*result) string {
	return each(list, func(r *result) string { return r.Day })
}

// hosts says where the results are from.
func hosts(known *results) string {
	if len(known.Packages) == 0 {
		return ""
	}
	return "\nWhere: " + each(known.Packages, func(r *result) string { return r.Host + ", " + r.Go }) +
		". toaster: " + each(known.Packages, func(r *result) string { return r.Toaster }) + ".\n"
}

// each joins what the results say, each thing once.
func each(list []*result, say func(*result) string) string {
	var said []string
	for _, r := range list {
		if s := say(r); !slices.Contains(said, s) {
			said = append(said, s)
		}
	}
	slices.Sort(said)
	return strings.Join(said, ", ")
}

// sum adds up a side of a row, and says of how many packages if some have not been run there.
func sum(list []*result, side string) string {
	var all *outcome
	run := 0
	for _, r := range list {
		o := *r.side(side)
		if o == nil {
			continue
		}
		if all == nil {
			all = &outcome{}
		}
		run++
		all.Pass += o.Pass
		all.Skip += o.Skip
		all.Fail += o.Fail
	}
	if run == 0 || run == len(list) {
		return cells(all)
	}
	return fmt.Sprintf("(%d packages) ", run) + cells(all)
}

func cells(o *outcome) string {
	if o == nil {
		return "not run | |"
	}
	return fmt.Sprintf("%d | %d | %d", o.Pass, o.Skip, o.Fail)
}

func anchor(name string) string {
	return strings.NewReplacer("/", "", ".", "").Replace(name)
}

// section says what a row is, and lists what failed in it.
func section(row row, list []*result, refused string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n## %s\n\n%s\n", row.name, about(row))
	if refused != "" {
		fmt.Fprintf(&b, "\nThe last run of this row did not go through: %s\n", inline(refused))
	}
	if row.short {
		b.WriteString(differences(list))
	}
	b.WriteString(failures(list))
	b.WriteString(skips(list))
	return b.String()
}

func about(row row) string {
	of := "`" + strings.Join(row.patterns, " ") + "` of Go"
	if row.module != "" {
		of = "`" + strings.Join(row.patterns, " ") + "` of `" + row.module + "` " + row.version
	}
	if row.short {
		of += ", with `-short`"
	}
	if row.inside {
		of += ". Go's go command, compiler, assembler and linker, built for NetBSD, build and test it as NetBSD programs"
	}
	if of += ". A package has " + row.limit.String() + "."; row.needs != "" {
		of += " Not to be had offline: " + row.needs + "."
	}
	return of
}

// differences has the packages whose counts are not those of Linux.
func differences(list []*result) string {
	var b strings.Builder
	same := 0
	for _, r := range list {
		n, l := r.NetBSD, r.Linux
		if n != nil && l != nil && n.Pass == l.Pass && n.Skip == l.Skip && n.Fail == l.Fail {
			same++
			continue
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", r.Package, cells(n), cells(l))
	}
	head := fmt.Sprintf("\n%d packages have the same counts on both sides.", same)
	if b.Len() == 0 {
		return head + "\n"
	}
	return head + " The others:\n\n| package | NetBSD: pass | skip | fail | Linux: pass | skip | fail |\n| --- | --: | --: | --: | --: | --: | --: |\n" + b.String()
}

// failures lists the failures of both sides, those of both together, with the reason.
func failures(list []*result) string {
	var b strings.Builder
	for _, r := range list {
		for _, f := range r.failed() {
			fmt.Fprintf(&b, "- %s%s: %s\n", name(r.Package, f.test), on(f.where), reason(r.Package, f.test, f.said))
		}
		for _, side := range []string{netbsdSide, linuxSide} {
			if o := *r.side(side); o != nil {
				for _, test := range o.Again {
					fmt.Fprintf(&b, "- %s on %s: failed at first, passed alone.\n", name(r.Package, test), side)
				}
			}
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return "\n" + b.String()
}

// skips lists the tests that are skipped on NetBSD's side alone, by what they say.
func skips(list []*result) string {
	var b strings.Builder
	for _, r := range list {
		if r.NetBSD == nil || r.Linux == nil {
			continue
		}
		var said []string
		tests := map[string][]string{}
		for _, s := range r.NetBSD.Skips {
			if slices.ContainsFunc(r.Linux.Skips, func(l failure) bool { return l.Test == s.Test }) {
				continue
			}
			if tests[s.Said] == nil {
				said = append(said, s.Said)
			}
			tests[s.Said] = append(tests[s.Said], s.Test)
		}
		for _, why := range said {
			fmt.Fprintf(&b, "- `%s`, %s: %s\n", r.Package, inline(why), several(tests[why]))
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return "\nSkipped on NetBSD alone, with what the tests say:\n\n" + b.String()
}

// several names the first tests of many.
func several(tests []string) string {
	const most = 8
	if n := len(tests) - most; n > 1 {
		return strings.Join(tests[:most], ", ") + fmt.Sprintf(" and %d more", n)
	}
	return strings.Join(tests, ", ")
}

func name(path, test string) string {
	if test == "" {
		return "`" + path + "`, the package"
	}
	return "`" + path + "` " + test
}

func on(where []string) string {
	if len(where) == 2 {
		return ", on Linux here as well"
	}
	return " on " + where[0]
}

// A failed test, and the sides on which it did.
type failed struct {
	test  string
	said  string
	where []string
}

func (r *result) failed() (list []*failed) {
	for _, side := range []string{netbsdSide, linuxSide} {
		o := *r.side(side)
		if o == nil {
			continue
		}
		for _, f := range o.Failures {
			i := slices.IndexFunc(list, func(k *failed) bool { return k.test == f.Test })
			if i < 0 {
				i, list = len(list), append(list, &failed{test: f.Test, said: f.Said})
			}
			list[i].where = append(list[i].where, side)
		}
	}
	return list
}

// reason is what the table says, or else the test itself.
func reason(path, test, said string) string {
	if why, ok := explain(path, test); ok {
		return why + "."
	}
	return "not explained; it says " + inline(said)
}

// inline makes a text one line of code.
func inline(s string) string {
	s = strings.Join(strings.Fields(strings.ReplaceAll(s, "`", "'")), " ")
	if s == "" {
		return "nothing"
	}
	if len(s) > 400 {
		s = strings.ToValidUTF8(s[:200]+" … "+s[len(s)-200:], "")
	}
	return "`" + s + "`"
}
