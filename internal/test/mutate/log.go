package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// This file keeps verdicts, so that a run goes on where an earlier one stopped. A verdict holds
// while the fault's function is the same. One that it was noticed holds then, as tests are rather
// added than taken away; one that it was not says what it was tried with, and is tried again with
// the tests that are new since, and no others.

// entry is a verdict, and by what: the test that failed, or else what the fault was tried with, a
// suite's name and, behind a <, what a test of it could cost.
type entry struct{ verdict, stamp, by string }

func (e entry) noticed() bool { return e.verdict == noticed || e.verdict == endless }

// tried returns the suite's name, and what its tests could cost; 0 is no limit.
func (e entry) tried() (string, time.Duration) {
	suite, most, _ := strings.Cut(e.by, "<")
	cost, _ := time.ParseDuration(most)
	return suite, cost
}

// A suite is the package's tests as they once were: the sums of their files.
type suite map[string]string

func (s suite) name() string {
	var all strings.Builder
	for _, line := range s.lines() {
		all.WriteString(line + "\n")
	}
	return sum([]byte(all.String()))
}

func (s suite) lines() (all []string) {
	for file, sum := range s {
		all = append(all, file+"="+sum)
	}
	slices.Sort(all)
	return all
}

// sum is short, as it tells apart what one file or function has been.
func sum(text []byte) string {
	s := sha256.Sum256(text)
	return hex.EncodeToString(s[:6])
}

// logbook is the file. Its lines are verdict, stamp, by and key, with tabs between them; of two
// lines with the same key the later one counts. A line without a verdict is a suite: its name
// and the files.
type logbook struct {
	mu      sync.Mutex
	name    string
	entries map[string]entry
	suites  map[string]suite
	now     suite
	cost    time.Duration // what tests may cost
	record  record
}

const suiteLine = "suite"

func openLog(name, dir string, fresh bool, cost time.Duration) (*logbook, error) {
	l := &logbook{name: name, entries: make(map[string]entry), suites: make(map[string]suite), cost: cost, record: newRecord()}
	var err error
	if l.now, err = suiteOf(dir); err != nil || name == "" {
		return l, err
	}
	if fresh {
		if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return nil, err
	}
	f, err := os.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return l, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		l.read(lines.Text())
	}
	return l, lines.Err()
}

// suiteOf takes the sums of the files with tests in dir.
func suiteOf(dir string) (suite, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		return nil, err
	}
	s := make(suite)
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		s[filepath.Base(name)] = sum(text)
	}
	return s, nil
}

func (l *logbook) read(line string) {
	f := strings.SplitN(line, "\t", 4)
	switch {
	case len(f) != 4:
	case f[0] == suiteLine:
		s := make(suite)
		for file := range strings.FieldsSeq(f[3]) {
			name, sum, _ := strings.Cut(file, "=")
			s[name] = sum
		}
		l.suites[f[1]] = s
	default:
		e := entry{f[0], f[1], f[2]}
		l.entries[f[3]] = e
		l.record.add(f[3], e)
	}
}

// verdict returns what is known of a fault, "" if nothing that still holds.
func (l *logbook) verdict(f *fault) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entries[f.key()]
	if e.stamp != f.sum || !e.noticed() && len(l.newSince(e)) > 0 {
		return ""
	}
	return e.verdict
}

// before says that a fault was not noticed when it was last tried, and that there are tests or a
// change of its function since.
func (l *logbook) before(f *fault) bool {
	known := l.verdict(f) != ""
	l.mu.Lock()
	defer l.mu.Unlock()
	v := l.entries[f.key()].verdict
	return !known && (v == unnoticed || v == unreached)
}

// newSince returns the files with tests that an unnoticed fault has not been tried with. The
// caller has l.mu.
func (l *logbook) newSince(e entry) (files []string) {
	name, cost := e.tried()
	then := l.suites[name]
	for file, sum := range l.now {
		if then[file] != sum || cost != 0 && (l.cost == 0 || l.cost > cost) {
			files = append(files, file)
		}
	}
	return files
}

// filesLeft returns the files that have tests with which the fault is to be tried.
func (l *logbook) filesLeft(f *fault) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.newSince(l.still(f))
}

// still returns the entry of a fault if that is of its function as it is. The caller has l.mu.
func (l *logbook) still(f *fault) entry {
	if e := l.entries[f.key()]; e.stamp == f.sum {
		return e
	}
	return entry{}
}

// left returns those of tests that the fault is to be tried with, the most promising first.
func (l *logbook) left(f *fault, tests []*test) (left []*test) {
	l.mu.Lock()
	defer l.mu.Unlock()
	name, cost := l.still(f).tried()
	then := l.suites[name]
	for _, t := range tests {
		tried := then[t.file] == l.now[t.file] && (cost == 0 || t.cost <= cost)
		if t.reaches[f.id] && !tried && (l.cost == 0 || t.cost <= l.cost) {
			left = append(left, t)
		}
	}
	l.record.sort(left, f)
	return left
}

// survives is the outcome of a fault that no further test comes by.
func (l *logbook) survives(f *fault) outcome {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.still(f).verdict == unnoticed {
		return outcome{verdict: unnoticed}
	}
	return outcome{verdict: unreached}
}

// limit says what tests a fault was not tried with, "" if it was tried with all.
func (l *logbook) limit() string {
	if l.cost == 0 {
		return ""
	}
	return fmt.Sprintf(", each fault by tests that take %v of processor time at most (`-cost`): a longer one may notice more", l.cost)
}

// note writes a verdict down.
func (l *logbook) note(f *fault, o outcome) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := entry{o.verdict, f.sum, o.by}
	var lines string
	if !e.noticed() {
		e.by = l.now.name()
		if l.suites[e.by] == nil {
			l.suites[e.by] = l.now
			lines = fmt.Sprintf("%s\t%s\t\t%s\n", suiteLine, e.by, strings.Join(l.now.lines(), " "))
		}
		if l.cost != 0 {
			e.by += "<" + l.cost.String()
		}
	}
	l.entries[f.key()] = e
	l.record.add(f.key(), e)
	if l.name == "" {
		return nil
	}
	file, err := os.OpenFile(l.name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(file, "%s%s\t%s\t%s\t%s\n", lines, e.verdict, e.stamp, e.by, f.key())
	return errors.Join(err, file.Close())
}

// defaultLog is where verdicts are kept unless somebody says otherwise: one file a package.
func defaultLog(dir string) string {
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return ""
	}
	return filepath.Join(cache, "toaster-mutate", filepath.Base(abs)+"-"+sum([]byte(abs)))
}

// order puts the faults first that have been tried before, as those have few tests left.
func (l *logbook) order(f *fault) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.still(f).verdict != "" {
		return 0
	}
	return 1
}
