package main

import (
	"path/filepath"
	"time"

	"toaster/internal/npm"
)

// prepareBundle gets each runner its esbuild, and all of them the app to bundle.
func prepareBundle(dir string, runners []*runner) error {
	app := filepath.Join(dir, "app")
	for _, r := range runners {
		progress("fetching esbuild for %s", r.goos)
		exe, err := npm.Esbuild("@esbuild/" + r.goos + "-x64@0.28.2")
		if err != nil {
			return err
		}
		r.esbuild, r.app = exe, app
	}
	progress("fetching react-dom")
	return npm.MakeApp(app)
}

// bundle measures esbuild from outside. Each runner writes over its own files only.
func (r *runner) bundle(n int) (time.Duration, error) {
	return least(n, func() error {
		cmd := r.command(r.esbuild, npm.BundleArgs(r.name+"/out.js")...)
		cmd.Dir = r.app
		return cmd.Run()
	})
}
