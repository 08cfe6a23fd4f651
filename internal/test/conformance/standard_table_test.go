package conformance

// standardPackages is what TestStandard runs unless told otherwise by -std.
var standardPackages = []standardPackage{
	{path: "context"},
	{path: "os"},
	{path: "os/exec"},
	{path: "os/signal"},
	{path: "runtime", only: "Crash|Signal|Preempt|Panic|Deadlock|Goexit|Abort|Breakpoint|Exit|Thread|STW|Lock|FDs|SUID|Pipe|Semasleep"},
	{path: "sync"},
	{path: "sync/atomic"},
	{path: "syscall"},
	{path: "time"},
}

// knownTests are the tests that cannot pass, by package, with the reason.
var knownTests = map[string]map[string]string{
	"runtime": {
		"TestHasAVX": "fails on NetBSD, too: Go's runtime turns AVX off there (go.dev/issue/80285), the test looks whether the processor has it",
	},
}
