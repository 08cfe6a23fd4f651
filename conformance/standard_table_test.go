package conformance

// execedByHost is why a test fails that has a program of the host run one of the guest.
const execedByHost = "a program of the host (nohup) executes the test binary, which then runs without us"

// standardPackages is what TestStandard runs.
var standardPackages = []standardPackage{
	{path: "context"},
	{path: "os"},
	{path: "os/exec"},
	{path: "os/signal", known: map[string]string{
		"TestDetectNohup": execedByHost,
		"TestNohup/nohup": execedByHost,
	}},
	{path: "sync"},
	{path: "sync/atomic"},
	{path: "syscall"},
	{path: "time"},
}
