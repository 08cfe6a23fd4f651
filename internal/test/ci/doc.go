// Package ci tests the scripts of .ci. It has no code of its own.
package ci
