package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The names of the sides.
const (
	netbsdSide = "NetBSD"
	linuxSide  = "Linux"
)

// resultsFile is where results are kept, from the top of the repository.
const resultsFile = "internal/test/compat/results.json"

// results are what all runs have found.
type results struct {
	Packages []*result
	Refused  map[string]string // rows that could not be run, with the reason
	toaster  string            // the commit that is being run
}

// A result is that of one package in one row.
type result struct {
	Row, Package  string
	Version       string `json:",omitempty"` // of the module
	Day           string // of the last run
	Go, Host      string
	Toaster       string   // its commit
	NetBSD, Linux *outcome `json:",omitempty"`
}

func load(top string) (*results, error) {
	known := &results{Refused: map[string]string{}, toaster: commit(top)}
	text, err := os.ReadFile(filepath.Join(top, resultsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return known, nil
	}
	if err == nil {
		err = json.Unmarshal(text, known)
	}
	return known, err
}

// store writes the results in one step, sorted, so that two runs can be compared. What a test said stays
// where nobody has said why it fails.
func (k *results) store(top string) error {
	order := names()
	slices.SortFunc(k.Packages, func(a, b *result) int {
		if d := slices.Index(order, a.Row) - slices.Index(order, b.Row); d != 0 {
			return d
		}
		return cmp.Compare(a.Package, b.Package)
	})
	for _, r := range k.Packages {
		r.forget()
	}
	text, err := json.MarshalIndent(k, "", "\t")
	if err != nil {
		return err
	}
	name := filepath.Join(top, resultsFile)
	if err := os.WriteFile(name+".new", append(text, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

func (k *results) get(row, path string) *result {
	for _, r := range k.Packages {
		if r.Row == row && r.Package == path {
			return r
		}
	}
	return nil
}

func (k *results) has(row, path, side string) bool {
	r := k.get(row, path)
	return r != nil && *r.side(side) != nil
}

func (r *result) side(name string) **outcome {
	if name == netbsdSide {
		return &r.NetBSD
	}
	return &r.Linux
}

// put keeps an outcome. That of NetBSD's side, which is run first, begins a new result: both sides of one
// are of the same run.
func (k *results) put(row row, path, side string, o *outcome) {
	r := k.get(row.name, path)
	if r == nil {
		r = &result{Row: row.name, Package: path}
		k.Packages = append(k.Packages, r)
	}
	r.Version, r.Day = row.version, time.Now().UTC().Format("2006-01-02")
	r.Go, r.Host, r.Toaster = runtime.Version(), host(), k.toaster
	if *r.side(side) = o; side == netbsdSide {
		r.Linux = nil
	}
}

// forget drops what tests said where a table says why they fail, and tests that both sides skip.
func (r *result) forget() {
	if n, l := r.NetBSD, r.Linux; n != nil && l != nil {
		both := func(s failure) bool {
			same := func(o failure) bool { return o.Test == s.Test }
			return slices.ContainsFunc(n.Skips, same) && slices.ContainsFunc(l.Skips, same)
		}
		n.Skips, l.Skips = without(n.Skips, both), without(l.Skips, both)
	}
	for _, side := range []string{netbsdSide, linuxSide} {
		o := *r.side(side)
		if o == nil {
			continue
		}
		for i, f := range o.Failures {
			if _, ok := explain(r.Package, f.Test); ok {
				o.Failures[i].Said = ""
			}
		}
	}
}

// without returns what is left of a list; the list stays as it is.
func without(list []failure, drop func(failure) bool) (rest []failure) {
	for _, f := range list {
		if !drop(f) {
			rest = append(rest, f)
		}
	}
	return rest
}

// refuse keeps why a row could not be run.
func (k *results) refuse(row string, err error) {
	first, _, _ := strings.Cut(err.Error(), "\n")
	k.Refused[row] = first
}

// host says what Linux this is, and as whom tests run.
func host() string {
	var u syscall.Utsname
	syscall.Uname(&u)
	var release []byte
	for _, c := range u.Release {
		if c == 0 || c == '-' {
			break
		}
		release = append(release, byte(c))
	}
	who := "an ordinary user"
	if os.Geteuid() == 0 {
		who = "root"
	}
	return "Linux " + string(release) + ", " + strconv.Itoa(runtime.NumCPU()) + " processors, as " + who
}

// commit is the last that changed toaster itself, for the page.
func commit(top string) string {
	cmd := exec.Command("git", "log", "-1", "--format=%h", "--abbrev=10", "--", "*.go", "*.s", ":!*_test.go", ":!internal/test")
	cmd.Dir = top
	out, err := cmd.Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}
