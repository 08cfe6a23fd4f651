package toaster

import (
	"os"
	"slices"
	"strings"
)

// environment gives what the program gets as its environment: of several values of a
// name only the last, so that a caller can append to os.Environ. With a working folder
// and no environment of the caller's, PWD follows the folder, as in os/exec.
//
// Preconditions: c.Machine is set.
func (c *Cmd) environment() []string {
	env := c.Env
	if env == nil && c.Machine.opts.Root == "" {
		env = os.Environ()
		if c.Dir != "" {
			env = append(env, "PWD="+c.Dir)
		}
	}
	return lastOfEach(env)
}

// lastOfEach drops the entries whose name comes again. An entry without "=" has no
// name and stays.
func lastOfEach(env []string) []string {
	seen := make(map[string]bool)
	kept := make([]string, 0, len(env))
	for _, kv := range slices.Backward(env) {
		name, _, ok := strings.Cut(kv, "=")
		if ok && seen[name] {
			continue
		}
		seen[name] = ok
		kept = append(kept, kv)
	}
	slices.Reverse(kept)
	return kept
}
