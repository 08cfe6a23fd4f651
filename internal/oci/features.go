package oci

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/opencontainers/runtime-spec/specs-go/features"
)

// features is "toaster oci features".
func (c *call) features([]string) (int, error) {
	yes, no := true, false
	return 0, printJSON(features.Features{
		OCIVersionMin: "1.0.0",
		OCIVersionMax: specs.Version,
		Hooks:         []string{"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"},
		MountOptions:  slices.Sorted(maps.Keys(mountOptionNames())),
		Linux: &features.Linux{
			Namespaces: []string{"cgroup", "ipc", "mount", "network", "pid", "uts"},
			Cgroup:     &features.Cgroup{V1: &yes, V2: &yes, Systemd: &no, SystemdUser: &no, Rdma: &no},
			Seccomp:    &features.Seccomp{Enabled: &no},
			Apparmor:   &features.Apparmor{Enabled: &no},
			Selinux:    &features.Selinux{Enabled: &no},
			IntelRdt:   &features.IntelRdt{Enabled: &no},
		},
	})
}

// mountOptionNames are the options that mean something, or nothing that would be missed.
func mountOptionNames() map[string]bool {
	names := map[string]bool{"bind": true, "rbind": true, "ro": true, "rro": true, "rw": true, "rrw": true}
	maps.Copy(names, silentOptions())
	delete(names, "mode=1777")
	return names
}

// printVersion is --version, in runc's form.
func printVersion(w io.Writer, version string) {
	fmt.Fprintf(w, "toaster oci version %s\nspec: %s\n", version, specs.Version)
}
