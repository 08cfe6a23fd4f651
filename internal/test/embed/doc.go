// Package embed tests that another module can use this one as README says. It has no code
// of its own.
package embed
