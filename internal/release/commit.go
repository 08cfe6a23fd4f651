package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// commit is what a release is made of. What is not committed is not in it.
type commit struct {
	repository string
	hash       string
	time       time.Time
	version    string // by the last tag, or the commit itself
}

// head finds out about HEAD of the repository that a directory is in.
func head(dir string) (commit, error) {
	c := commit{repository: dir}
	top, err := c.git("rev-parse", "--show-toplevel") // git archives the part of the tree that it is run in
	if err != nil {
		return c, err
	}
	c.repository = strings.TrimSuffix(string(top), "\n")
	out, err := c.git("log", "-1", "--format=%H %ct")
	if err != nil {
		return c, err
	}
	hash, seconds, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return c, err
	}
	c.hash, c.time = hash, time.Unix(n, 0).UTC()
	c.version = c.describe()
	return c, nil
}

// describe is the version of a commit: the tag's that it has, v1.2.0 being 1.2.0; else one that is greater than that of
// the last tag and less than any later release.
func (c commit) describe() string {
	stamp := "git" + c.time.Format("20060102.150405") + "." + c.hash[:12]
	if out, err := c.git("describe", "--tags", "--exact-match", "--match", "v[0-9]*"); err == nil {
		return strings.TrimSpace(string(out))[1:]
	}
	if out, err := c.git("describe", "--tags", "--abbrev=0", "--match", "v[0-9]*"); err == nil {
		return strings.TrimSpace(string(out))[1:] + "+" + stamp
	}
	return "0~" + stamp
}

// git runs git, whatever the user has configured.
func (c commit) git(args ...string) ([]byte, error) {
	cmd := exec.Command("git", append([]string{"-C", c.repository, "-c", "tar.umask=0022", "-c", "core.abbrev=12"}, args...)...)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("git %s: %s", args[0], strings.TrimSpace(string(exit.Stderr)))
	}
	return out, err
}

// archive returns the sources as a compressed archive, in a directory called prefix, and unpacks them below dir.
func (c commit) archive(prefix, dir string) ([]byte, error) {
	out, err := c.git("archive", "--format=tar", "--prefix="+prefix+"/", c.hash)
	if err != nil {
		return nil, err
	}
	if err := unpack(out, dir); err != nil {
		return nil, err
	}
	return compress(out)
}

// unpack writes the files of git's archive, whose names are those of a tree of git's, which lead nowhere else.
func unpack(archive []byte, dir string) error {
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		h, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		name := filepath.Join(dir, filepath.FromSlash(h.Name))
		switch h.Typeflag {
		case tar.TypeDir:
			err = os.MkdirAll(name, 0o777)
		case tar.TypeSymlink:
			err = os.Symlink(h.Linkname, name)
		case tar.TypeReg:
			var data []byte
			if data, err = io.ReadAll(r); err == nil {
				err = os.WriteFile(name, data, h.FileInfo().Mode().Perm())
			}
		}
		if err != nil {
			return err
		}
	}
}
