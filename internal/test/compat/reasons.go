package main

import (
	"strings"

	"toaster/internal/test/conformance"
)

// reasons say why tests fail, by package: what is true of them without -short, too, and is not in the
// table of conformance. That of a test is that of its subtests; "" is the package itself.
var reasons = map[string]map[string]string{}

// explain returns the reason for which a test fails.
func explain(path, test string) (string, bool) {
	for _, table := range []map[string]string{reasons[path], conformance.KnownTests[path]} {
		for name := test; ; {
			if why, ok := table[name]; ok {
				return why, true
			}
			i := strings.LastIndexByte(name, '/')
			if i < 0 {
				break
			}
			name = name[:i]
		}
	}
	return "", false
}
