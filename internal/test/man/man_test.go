package man

import (
	"flag"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"toaster/internal/cmdline"
)

// mandoc finds nothing to warn of in the pages.
func TestLint(t *testing.T) {
	mandoc, err := exec.LookPath("mandoc")
	if err != nil {
		t.Skip("there is no mandoc on PATH (on Debian: apt-get install mandoc)")
	}
	pages, err := filepath.Glob("../../../man/*.[0-9]")
	if err != nil || len(pages) < 5 {
		t.Fatalf("%q, %v", pages, err)
	}
	for _, page := range pages {
		if out, err := exec.Command(mandoc, "-T", "lint", "-W", "warning", page).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%v\n%s", err, out)
		}
	}
}

const page = `.Sh SYNOPSIS
.Op Fl -quiet
.Sh DESCRIPTION
.It Fl -quiet
.It Fl v , Fl -verbose
.It Fl r , Fl -root Ar DIR
.It Fl -mount Ar SRC : Ns Ar DST Ns Op : Ns Cm ro
.It Fl -network Cm none | loopback
.Sh EXIT STATUS
.It 124
.It 128 Ns + Ns Ar N
.It Cm no
.Sh SEE ALSO
.It 7
`

// What differs between a page and a table is found, in both directions.
func TestFlags(t *testing.T) {
	full := func() *flag.FlagSet {
		fs := flag.NewFlagSet("", flag.ContinueOnError)
		fs.Bool("quiet", false, "")
		fs.Bool("v", false, "")
		fs.Bool("verbose", false, "")
		fs.String("root", "", "`DIR`: its root")
		fs.String("r", "", "`DIR`: its root")
		fs.String("mount", "", "`SRC:DST[:ro]`: a mount")
		fs.String("network", "", "`none|loopback`: what is reached")
		return fs
	}
	for _, c := range []struct {
		name string
		page string
		more func(*flag.FlagSet)
		want []string
	}{
		{"as it is", page, nil, nil},
		{"a flag more", page, func(fs *flag.FlagSet) { fs.Bool("new", false, "") }, []string{"no item describes --new"}},
		{"an item more", page + ".It Fl -old\n", nil, []string{"an item describes --old, which is no flag"}},
		{"another argument", strings.Replace(page, "Ar DIR", "Ar FILE", 1), nil, []string{`--root has the argument "FILE", want "DIR"`, `-r has the argument "FILE", want "DIR"`}},
		{"another choice", strings.Replace(page, "none | loopback", "none", 1), nil, []string{`--network has the argument "none", want "none|loopback"`}},
		{"a mention", page + ".Op Fl -old\n", nil, []string{"it mentions --old, which is no flag: .Op Fl -old"}},
		{"help", page + "With\n.Fl -help\n", nil, nil},
	} {
		command := cmdline.Command{Flags: func() *flag.FlagSet {
			fs := full()
			if c.more != nil {
				c.more(fs)
			}
			return fs
		}}
		if got := Flags(c.page, &command); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	shell := cmdline.Command{Flags: full, FlagsOf: "run"}
	if got := Flags("Text\n", &shell); len(got) != 1 {
		t.Errorf("without a reference: %q", got)
	}
	if got := Flags("Text\n.Xr toaster-run 1 .\nWith\n.Fl -root\n", &shell); got != nil {
		t.Errorf("with a reference: %q", got)
	}
	group := cmdline.Command{Commands: []cmdline.Command{{Flags: full}, {}}}
	if got := Flags(page, &group); got != nil {
		t.Errorf("flags of a command below: %q", got)
	}
	if got := Statuses(page); !slices.Equal(got, []int{124, 128}) {
		t.Errorf("statuses %v", got)
	}
}
