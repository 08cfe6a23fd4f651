// Package guides tests that the guides in doc say what happens. It has no code of its own.
package guides
