package oci

import (
	"fmt"
	"os"
	"path/filepath"
)

// writeFile writes a file so that who reads it finds the old one or the new one, whole.
func writeFile(name string, b []byte, mode os.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name))
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Chmod(mode)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// writePidFile writes the pid of a process of the host where the caller wants it.
func writePidFile(name string, pid int) error {
	if name == "" {
		return nil
	}
	if err := writeFile(name, fmt.Append(nil, pid), 0o644); err != nil {
		return fmt.Errorf("--pid-file: %w", err)
	}
	return nil
}
