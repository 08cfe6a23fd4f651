package main

import (
	"io"
	"os"
	"runtime/debug"

	"toaster/internal/cmdline"
	"toaster/internal/oci"
)

// ociName is a name under which toaster is "toaster oci", for those who can name a runtime, and no arguments of it.
const ociName = "toaster-oci"

// ociCommand is the row of "toaster oci", which package oci knows.
func ociCommand() cmdline.Command {
	c := oci.Command()
	c.Run = ociMain
	commands := c.Details
	c.Details = func(w io.Writer) {
		commands(w)
		io.WriteString(w, "\nAs in runc. A toaster that is called "+ociName+" needs no \"oci\".\n")
	}
	return c
}

// ociMain is "toaster oci ...": an OCI runtime with runc's command line.
func ociMain(args []string) int {
	if len(args) > 0 && args[0] == cmdline.CompleteName { // under the other name
		program().Find("oci").CompleteWords(os.Stdout, args[1:])
		return 0
	}
	return oci.Main(args, versionText())
}

// versionText is the version of toaster.
func versionText() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return versionOf(info)
	}
	return "(devel)"
}
