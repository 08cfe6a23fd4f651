package conformance

// KnownTests are the tests of standard packages that cannot pass, by package, with the reason.
var KnownTests = map[string]map[string]string{
	"runtime": {
		"TestHasAVX": "fails on NetBSD, too: Go's runtime turns AVX off there (go.dev/issue/80285), the test looks whether the processor has it",
	},
}
