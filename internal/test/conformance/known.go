package conformance

// KnownTests are the tests of standard packages that cannot pass, by package, with the reason.
var KnownTests = map[string]map[string]string{
	"runtime": {
		"TestHasAVX": "fails on NetBSD, too: Go's runtime turns AVX off there (go.dev/issue/80285), the test looks whether the processor has it",
	},
}

// aloneTests are the tests of standard packages that can only pass in a process of their own, by
// package, with the reason. Each is run so, and must pass.
var aloneTests = map[string]map[string]string{
	"runtime": {
		"TestRuntimeLockMetricsAndProfile": "hangs on Linux, too, where GOMAXPROCS is 2 and tests before it have begun a collection: " +
			"debug.SetGCPercent(-1) returns before the last forEachP of that one (gcWaitOnMark waits for the mark phase alone; " +
			"go.dev/issue/22443 was of this kind), which then waits for one of the test's workers to stop, and has the other's processor",
	},
}
