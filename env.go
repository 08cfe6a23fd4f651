package toaster

import (
	"os"
	"slices"
	"strings"
)

// Environ returns a copy of the environment that the program would get if it were started
// now: of several values of a name only the last, so that a caller can append to
// os.Environ. With Dir and without Env PWD is Dir, as in os/exec.
func (c *Cmd) Environ() []string {
	root := c.Options.Root
	if c.Machine != nil {
		root = c.Machine.opts.Root
	}
	env := c.Env
	if env == nil && root == "" {
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
