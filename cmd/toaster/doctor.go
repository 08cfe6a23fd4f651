package main

import "fmt"

// doctorMain is "toaster doctor": what this host allows, what not, and the remedy.
func doctorMain(args []string) int {
	fmt.Println("not yet")
	return exitOwnFailure
}
