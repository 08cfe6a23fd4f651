package npm

import (
	"os"
	"path/filepath"
	"strings"
)

// Esbuild returns the path of a prebuilt esbuild executable. pkg is one of its packages, one for each
// system: "@esbuild/linux-x64@0.28.2".
func Esbuild(pkg string) (string, error) {
	dir, err := Fetch(pkg)
	return filepath.Join(dir, "bin", "esbuild"), err
}

const app = `import React from 'react';
import { createRoot } from 'react-dom/client';
function App() { return <h1>Hello {React.version}</h1>; }
createRoot(document.getElementById('root')).render(<App />);
`

// MakeApp puts a small program, and the packages that it uses, into a directory.
func MakeApp(dir string) error {
	for _, p := range []string{"react@19.1.0", "react-dom@19.1.0", "scheduler@0.26.0"} {
		from, err := Fetch(p)
		if err != nil {
			return err
		}
		name, _, _ := strings.Cut(p, "@")
		if err := os.CopyFS(filepath.Join(dir, "node_modules", name), os.DirFS(from)); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, "app.jsx"), []byte(app), 0o644)
}

// BundleArgs has esbuild, run in MakeApp's directory, bundle and minify the program into
// the file out, with a source map beside it.
func BundleArgs(out string) []string {
	return []string{"app.jsx", "--bundle", "--minify", "--sourcemap", "--log-level=warning",
		`--define:process.env.NODE_ENV="production"`, "--outfile=" + out}
}
