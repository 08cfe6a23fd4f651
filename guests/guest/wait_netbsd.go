package main

// Cases about wait4 and wait6.

var waitCases = []testCase{
	{"wait_71_bad_options", waitBadOptions},
}

func waitBadOptions() {
	errs("wait4 with an unknown option", einval, sysWait4, -1, 0, 0x4000000, 0)
}
