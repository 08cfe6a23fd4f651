package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// build makes what a user installs.
type build struct {
	commit  commit
	version string
	source  string // the directory of the sources
	bin     string // that of the executables
}

// names are those under which toaster is a command of its own.
var names = []string{"go_netbsd_amd64_exec", "toaster-oci"}

// tree makes what belongs below /usr.
func (b *build) tree() (files, error) {
	if err := b.compile(); err != nil {
		return nil, err
	}
	var tree files
	for _, add := range []func() (files, error){b.executables, b.manual, b.completion, b.documents} {
		list, err := add()
		if err != nil {
			return nil, err
		}
		tree = append(tree, list...)
	}
	return tree, nil
}

// compile builds the commands, static, and without a word of where and when. Environment variables of the
// caller's that change what comes of it are set to what the go command takes without them.
func (b *build) compile() error {
	cmd := b.goCommand("build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid= -X main.released="+b.version, "-o", b.bin+"/", "./cmd/...")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}

func (b *build) goCommand(args ...string) *exec.Cmd {
	cmd := exec.Command("go", args...)
	cmd.Dir = b.source
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64", "GOAMD64=v1", "GOFLAGS=", "GOEXPERIMENT=", "GOFIPS140=off", "GOWORK=off")
	return cmd
}

// executables are the commands, and the other names of toaster.
func (b *build) executables() (files, error) {
	entries, err := os.ReadDir(b.bin)
	if err != nil {
		return nil, err
	}
	var list files
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(b.bin, e.Name()))
		if err != nil {
			return nil, err
		}
		list = append(list, file{name: "bin/" + e.Name(), mode: 0o755, data: data})
	}
	for _, name := range names {
		list = append(list, file{name: "bin/" + name, link: "toaster"})
	}
	return list, nil
}

// manual is the manual pages, compressed as Debian wants them. The other names of toaster have that of toaster, unless they have
// one.
func (b *build) manual() (files, error) {
	list, err := b.glob("man/*.[18]", func(name string) string {
		return fmt.Sprintf("share/man/man%s/%s.gz", path.Ext(name)[1:], name)
	})
	for _, name := range names {
		its := func(f file) bool { return strings.HasPrefix(path.Base(f.name), name+".") }
		if !slices.ContainsFunc(list, its) {
			list = append(list, file{name: "share/man/man1/" + name + ".1.gz", link: "toaster.1.gz"})
		}
	}
	return list, err
}

// completion is what toaster prints for each shell, where Debian's shells look for it. bash and fish look for a name's file, zsh
// in the first line of all.
func (b *build) completion() (files, error) {
	var list files
	for _, s := range []struct{ shell, name string }{
		{"bash", "share/bash-completion/completions/toaster"},
		{"zsh", "share/zsh/vendor-completions/_toaster"},
		{"fish", "share/fish/vendor_completions.d/toaster.fish"},
	} {
		out, err := exec.Command(filepath.Join(b.bin, "toaster"), "completion", s.shell).Output()
		if err != nil {
			return nil, fmt.Errorf("toaster completion %s: %w", s.shell, err)
		}
		list = append(list, file{name: s.name, mode: 0o644, data: out})
	}
	return append(list,
		file{name: "share/bash-completion/completions/toaster-oci", link: "toaster"},
		file{name: "share/fish/vendor_completions.d/toaster-oci.fish", link: "toaster.fish"}), nil
}

// documents are what one reads of the sources, the licences of all that is linked, and the changelog.
func (b *build) documents() (files, error) {
	const dir = "share/doc/toaster/"
	list, err := b.glob("doc/*.md", func(name string) string { return dir + "doc/" + name })
	if err != nil {
		return nil, err
	}
	top, err := b.glob("[CRS][EH]*.md", func(name string) string { return dir + name })
	if err != nil {
		return nil, err
	}
	copyright, err := b.copyright()
	if err != nil {
		return nil, err
	}
	return slices.Concat(list, top, files{{name: dir + "copyright", mode: 0o644, data: copyright}}), nil
}

// glob returns files of the sources under new names, compressed if they end in .gz. There must be some.
func (b *build) glob(pattern string, rename func(base string) string) (files, error) {
	found, err := filepath.Glob(filepath.Join(b.source, pattern))
	if err != nil || found == nil {
		return nil, fmt.Errorf("no %s in the sources, %v", pattern, err)
	}
	var list files
	for _, name := range found {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		to := rename(filepath.Base(name))
		if strings.HasSuffix(to, ".gz") {
			if data, err = compress(data); err != nil {
				return nil, err
			}
		}
		list = append(list, file{name: to, mode: 0o644, data: data})
	}
	return list, nil
}

// copyright has toaster's licence, and those of Go and of the modules that the commands link.
func (b *build) copyright() ([]byte, error) {
	var text bytes.Buffer
	list := b.goCommand("list", "-deps", "-f", "{{with .Module}}{{if .Main}}{{else}}{{.Path}} {{.Version}}\t{{.Dir}}{{end}}{{end}}", "./cmd/...")
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	root, err := b.goCommand("env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	parts := []string{"toaster " + b.version + "\t" + b.source, "Go, its runtime and standard library\t" + strings.TrimSpace(string(root))}
	modules := strings.Split(string(out), "\n")
	slices.Sort(modules)
	for _, module := range slices.Compact(modules) {
		if module != "" {
			parts = append(parts, module)
		}
	}
	for _, part := range parts {
		name, dir, _ := strings.Cut(part, "\t")
		licence, err := os.ReadFile(filepath.Join(dir, "LICENSE"))
		if err != nil {
			return nil, fmt.Errorf("the licence of %s: %w", name, err)
		}
		fmt.Fprintf(&text, "== %s\n\n%s\n", name, licence)
	}
	return text.Bytes(), nil
}
