// Package guests holds the project's own NetBSD programs (directory guest) and the tests that run
// them under every release: what the kernel does, seen from inside, where no Go program
// would look.
package guests
