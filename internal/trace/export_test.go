package trace

// What the tests of this package look at from outside of it: they use the table of system calls,
// whose package uses this one.
const (
	KtrHeaderSize = ktrHeaderSize
)

// HasLayout reports whether there is text for a structure.
func HasLayout(name string) bool { return layouts()[name] != nil }
