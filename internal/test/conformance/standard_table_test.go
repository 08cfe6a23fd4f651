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
