package oci

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// bindSpec is "toaster oci spec".
func bindSpec(set *flag.FlagSet) action {
	var bundle string
	both(set, "bundle b", func(n string) {
		set.StringVar(&bundle, n, ".", "`DIR`: where to write it, without the flag this directory")
	})
	set.Bool("rootless", false, noEffect)
	return func(*call, []string) (int, error) { return 0, writeExample(bundle) }
}

// writeExample writes a configuration that runs a shell, and replaces none.
func writeExample(bundle string) error {
	b, err := json.MarshalIndent(exampleSpec(), "", "\t")
	if err != nil {
		return err
	}
	name := filepath.Join(bundle, configName)
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists; remove it first", name)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(append(b, '\n'))
	return errors.Join(err, f.Close())
}

func exampleSpec() *specs.Spec {
	return &specs.Spec{
		Version: specs.Version,
		Root:    &specs.Root{Path: "rootfs", Readonly: true},
		Process: &specs.Process{
			Terminal: true, Args: []string{"/bin/sh"}, Cwd: "/", NoNewPrivileges: true,
			Env:     []string{"PATH=/sbin:/usr/sbin:/bin:/usr/bin:/usr/pkg/sbin:/usr/pkg/bin", "TERM=xterm"},
			Rlimits: []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Hard: 1024, Soft: 1024}},
		},
		Hostname: "toaster",
		Mounts: []specs.Mount{
			{Destination: "/proc", Type: "proc", Source: "proc"},
			{Destination: "/tmp", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "nodev", "size=64m"}},
		},
		Linux: &specs.Linux{Namespaces: []specs.LinuxNamespace{
			{Type: specs.PIDNamespace}, {Type: specs.NetworkNamespace}, {Type: specs.IPCNamespace}, {Type: specs.UTSNamespace}, {Type: specs.MountNamespace},
		}},
	}
}
