package main

import (
	"runtime/debug"

	"toaster/internal/oci"
)

// ociName is a name under which toaster is "toaster oci", for those who can name a runtime, and no arguments of it.
const ociName = "toaster-oci"

const ociHelp = `oci runs containers of NetBSD programs for what drives runc, such as containerd,
podman and Kubernetes. The commands are runc's: create, start, run, state, kill,
delete, exec, ps, list, pause, resume, update, events, features, spec; each says
with --help how it is used. A toaster that is called toaster-oci needs no "oci".
doc/oci.md has what of a configuration is done, accepted and refused.
`

// ociMain is "toaster oci ...": an OCI runtime with runc's command line.
func ociMain(args []string) int { return oci.Main(args, versionText()) }

// versionText is the version of toaster.
func versionText() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return versionOf(info)
	}
	return "(devel)"
}
