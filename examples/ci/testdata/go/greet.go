// Package greet says where it runs.
package greet

import "runtime"

// Greeting is what to say.
func Greeting() string { return "hello from " + runtime.GOOS }
