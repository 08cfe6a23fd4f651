package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"toaster/internal/npm"
)

// This file runs programs of others: esbuild, which npm fetches, and two of NetBSD's own.

// treeVariable names the environment variable that has the directory of a NetBSD file tree.
const treeVariable = "TOASTER_NETBSD_ROOT"

// prepareBundle gets each system its esbuild, and all of them the app to bundle.
func prepareBundle(_ context.Context, w *workshop) error {
	app := filepath.Join(w.dir, "app")
	for _, s := range w.systems {
		progress("fetching esbuild for %s", s.goos)
		exe, err := npm.Esbuild("@esbuild/" + s.goos + "-x64@0.28.2")
		if err != nil {
			return err
		}
		s.esbuild, s.app = exe, app
	}
	progress("fetching react-dom")
	return npm.MakeApp(app)
}

// bundle measures esbuild from outside. Each system writes over its own files only.
func bundle(ctx context.Context, s *system) (float64, error) {
	return outside(5, func() *exec.Cmd {
		cmd := s.command(ctx, s.esbuild, npm.BundleArgs(s.name+"/out.js")...)
		cmd.Dir = s.app
		return cmd
	})
}

// bigFile is what cat reads.
const (
	bigFile = "big"
	bigSize = 50 << 20
)

// prepareTree finds NetBSD's programs, and makes a file for them.
func prepareTree(_ context.Context, w *workshop) error {
	root := os.Getenv(treeVariable)
	if root == "" {
		return unavailable("no NetBSD file tree: " + treeVariable + " is not set")
	}
	for _, name := range []string{"bin/sh", "bin/dd", "bin/cat", "tmp"} {
		if _, err := os.Stat(filepath.Join(root, name)); err != nil {
			return fmt.Errorf("%s: %w", treeVariable, err)
		}
	}
	scratch := filepath.Join(w.dir, "scratch")
	if err := os.MkdirAll(scratch, 0o755); err != nil {
		return err
	}
	for _, s := range w.systems {
		s.tree, s.scratch = root, scratch
	}
	return os.WriteFile(filepath.Join(scratch, bigFile), make([]byte, bigSize), 0o644)
}

// ofTree is one of the tree's programs under toaster, and the host's of that name elsewhere.
// They find the scratch directory at the path that ofTree is told to put in.
func (s *system) ofTree(ctx context.Context, name string, args func(scratch string) []string) *exec.Cmd {
	if s.goos != "netbsd" {
		return s.command(ctx, name, args(s.scratch)...)
	}
	flags := []string{"--root", s.tree, "--env", "PATH=/bin:/usr/bin", "--mount", s.scratch + ":/tmp:ro"}
	return s.commandWith(ctx, flags, "/bin/"+name, args("/tmp")...)
}

func dd(ctx context.Context, s *system) (float64, error) {
	return outside(3, func() *exec.Cmd {
		return s.ofTree(ctx, "dd", func(string) []string {
			return []string{"if=/dev/zero", "of=/dev/null", "bs=512", "count=20000"}
		})
	})
}

func catCat(ctx context.Context, s *system) (float64, error) {
	return outside(3, func() *exec.Cmd {
		return s.ofTree(ctx, "sh", func(scratch string) []string {
			return []string{"-c", "cat " + scratch + "/" + bigFile + " | cat >/dev/null"}
		})
	})
}
