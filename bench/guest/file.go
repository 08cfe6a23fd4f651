package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// block is how much a call reads or writes of a large file.
const block = 64 << 10

// scratch runs f in a directory of its own. Making and removing it are not measured.
func scratch(w *watch, f func(dir string) error) error {
	return scratchDir(w, f, os.RemoveAll)
}

// scratchMany is scratch for many files. Where TOASTER_BENCH_LEAVE is set they stay, and the caller removes them
// when all has been measured: for half a minute ext4 passes over each inode that was given back before it takes
// a fresh one (recently_deleted of fs/ext4/ialloc.c), so that whoever creates files next would pay for that.
func scratchMany(w *watch, f func(dir string) error) error {
	if os.Getenv("TOASTER_BENCH_LEAVE") == "" {
		return scratch(w, f)
	}
	return scratchDir(w, f, func(string) error { return nil })
}

func scratchDir(w *watch, f, remove func(dir string) error) error {
	w.stop()
	dir, err := os.MkdirTemp("", "toaster-bench-guest-")
	if err != nil {
		return err
	}
	defer remove(dir)
	w.start()
	err = f(dir)
	w.stop()
	return err
}

func statFile(w *watch, n int, _ string) error {
	return scratch(w, func(dir string) error {
		name := filepath.Join(dir, "f")
		if err := os.WriteFile(name, []byte("hello"), 0o644); err != nil {
			return err
		}
		for range n {
			if _, err := os.Stat(name); err != nil {
				return err
			}
		}
		return nil
	})
}

// walkTree visits all that is below the directory dir, n times.
func walkTree(_ *watch, n int, dir string) error {
	for range n {
		seen := 0
		err := filepath.WalkDir(dir, func(_ string, _ fs.DirEntry, err error) error {
			seen++
			return err
		})
		if err != nil {
			return err
		}
		if seen < 2 {
			return fmt.Errorf("nothing in %s", dir)
		}
	}
	return nil
}

func createFiles(w *watch, n int, _ string) error {
	return scratchMany(w, func(dir string) error { return create(dir, n) })
}

func create(dir string, n int) error {
	for i := range n {
		if err := os.WriteFile(numbered(dir, i), []byte("hello"), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func numbered(dir string, i int) string { return filepath.Join(dir, "f"+strconv.Itoa(i)) }

func readFiles(w *watch, n int, _ string) error {
	return scratchMany(w, func(dir string) error {
		if err := create(dir, n); err != nil {
			return err
		}
		w.restart()
		for i := range n {
			if _, err := os.ReadFile(numbered(dir, i)); err != nil {
				return err
			}
		}
		return nil
	})
}

// writeLines writes each line with a call of its own.
func writeLines(w *watch, n int, _ string) error {
	return scratch(w, func(dir string) error {
		f, err := os.Create(filepath.Join(dir, "lines"))
		if err != nil {
			return err
		}
		for i := range n {
			if _, err := fmt.Fprintln(f, i); err != nil {
				return err
			}
		}
		return f.Close()
	})
}

// writeBig writes n mebibytes.
func writeBig(w *watch, n int, _ string) error {
	return scratch(w, func(dir string) error { return fill(filepath.Join(dir, "big"), n) })
}

func fill(name string, mebibytes int) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	b := make([]byte, block)
	for range mebibytes << 20 / block {
		if _, err := f.Write(b); err != nil {
			return err
		}
	}
	return f.Close()
}

// readBig reads n mebibytes, which the host has in its page cache.
func readBig(w *watch, n int, _ string) error {
	return scratch(w, func(dir string) error {
		name := filepath.Join(dir, "big")
		if err := fill(name, n); err != nil {
			return err
		}
		w.restart()
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		b := make([]byte, block)
		for {
			if _, err := f.Read(b); err == io.EOF {
				return nil
			} else if err != nil {
				return err
			}
		}
	})
}
