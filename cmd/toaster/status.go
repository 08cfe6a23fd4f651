package main

// Exit statuses of toaster itself, as env(1), timeout(1) and the shell have them. README and toaster(1)
// have them as a table.
const (
	exitOutputLimit   = 123
	exitTimeLimit     = 124
	exitOwnFailure    = 125
	exitNotExecutable = 126
	exitNotFound      = 127
	exitSignal        = 128 // and the signal's number
)
