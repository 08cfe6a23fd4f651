// Command as runs a program as a host would that refuses more than this one: see package
// hostlike.
//
//	go build -o as ./internal/hostlike/as
//	as docker,user toaster doctor
//	go test -exec "$PWD/as docker,root" ./internal/platform
package main

import (
	"fmt"
	"os"
	"os/exec"

	"toaster/internal/hostlike"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: as PART[,PART...] PROGRAM [ARGUMENT...]\n\nparts:")
		for _, p := range hostlike.Parts {
			fmt.Fprintf(os.Stderr, "  %-14s %s\n", p.Name, p.About)
		}
		os.Exit(2)
	}
	path, err := exec.LookPath(os.Args[2])
	if err == nil {
		err = hostlike.Exec(os.Args[1], path, os.Args[2:], os.Environ())
	}
	fmt.Fprintln(os.Stderr, "as:", err)
	os.Exit(1)
}
