package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// This file keeps verdicts, so that a run goes on where an earlier one stopped. A verdict is kept
// with a stamp: one that a fault was noticed holds while its file is the same, as tests are rather
// added than taken away; one that it was not holds while nothing of the package has changed.

// entry is a verdict, and by what: the test that failed.
type entry struct{ verdict, by, stamp string }

// logbook is the file. Its lines are verdict, stamp, test and key, with tabs between them; of two
// lines with the same key the later one counts.
type logbook struct {
	mu      sync.Mutex
	name    string
	entries map[string]entry
	stamps  map[string]string // by file; "" is the whole package's
}

func openLog(name, dir string, fresh bool, cost time.Duration) (*logbook, error) {
	l := &logbook{name: name, entries: make(map[string]entry), stamps: make(map[string]string)}
	if err := l.stamp(dir); err != nil || name == "" {
		return l, err
	}
	if cost != 0 {
		l.stamps[""] += "<" + cost.String()
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
	for lines.Scan() {
		if s := strings.SplitN(lines.Text(), "\t", 4); len(s) == 4 {
			l.entries[s[3]] = entry{s[0], s[2], s[1]}
		}
	}
	return l, lines.Err()
}

// stamp takes the sums of the package's files.
func (l *logbook) stamp(dir string) error {
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return err
	}
	all := sha256.New()
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		all.Write(text)
		sum := sha256.Sum256(text)
		l.stamps[filepath.Base(name)] = hex.EncodeToString(sum[:6])
	}
	l.stamps[""] = hex.EncodeToString(all.Sum(nil)[:6])
	return nil
}

// verdict returns what is known of a fault, "" if nothing that still holds.
func (l *logbook) verdict(f *fault) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entries[f.key()]
	if e.stamp != l.stampOf(f, e.verdict) {
		return ""
	}
	return e.verdict
}

// before says that a fault was not noticed when it was last tried, and that something has changed
// since.
func (l *logbook) before(f *fault) bool {
	known := l.verdict(f) != ""
	l.mu.Lock()
	defer l.mu.Unlock()
	v := l.entries[f.key()].verdict
	return !known && (v == unnoticed || v == unreached)
}

func (l *logbook) stampOf(f *fault, verdict string) string {
	if verdict == noticed || verdict == endless {
		return l.stamps[f.file]
	}
	return l.stamps[""]
}

// note writes a verdict down.
func (l *logbook) note(f *fault, o outcome) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := entry{o.verdict, o.by, l.stampOf(f, o.verdict)}
	l.entries[f.key()] = e
	if l.name == "" {
		return nil
	}
	file, err := os.OpenFile(l.name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(file, "%s\t%s\t%s\t%s\n", e.verdict, e.stamp, e.by, f.key())
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
	sum := sha256.Sum256([]byte(abs))
	return filepath.Join(cache, "toaster-mutate", filepath.Base(abs)+"-"+hex.EncodeToString(sum[:4]))
}
