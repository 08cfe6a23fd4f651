// Command guest holds the guests of the test suite, one a sub-command. It is a
// NetBSD program without Go's runtime: start_netbsd_amd64.s is its entry, so a guest
// has one LWP, no handlers and no other calls than those it makes, and can fork,
// vfork and be traced like any C program. Go code in here must not allocate, panic or
// use channels, maps and defer.
//
//	guest list                 prints the names of all cases
//	guest list_old             prints those of what release 2003 alone has
//	guest NAME RELEASE [ARG]   runs one: silence and status 0, or what is wrong and 1
package main

import "unsafe"

// A testCase is one behaviour, named after it and the numbers of its items in doc/lifecycle.md.
type testCase struct {
	name string
	run  func()
}

var families = [...]*[]testCase{
	&exitCases, &waitCases, &itemCases, &forkCases, &lwpCases, &lwpCtlCases, &gsCases, &ksemCases, &schedCases, &futexCases, &signalCases, &edgeCases,
	&ttyCases, &jobCases, &traceCases,
	&kqueueCases, &memCases, &limitCases, &ipcCases, &compatCases, &systemCases, &lendCases, &lendPipeCases, &lendKqueueCases, &lendTimedCases, &lendRoomCases, &lendTracedCases, &elevenCases,
}

// What the program was started with.
var (
	argc      int
	argv      [16]*byte
	release10 bool // 10 or 11
	has11     bool // there are the calls that came with 11: all but release 10 have them
)

var (
	tlsArea [64]byte
	theG    [1024]byte
)

// entry is the program; sp points to argc.
func entry(sp uintptr) {
	argc = *(*int)(unsafe.Pointer(sp))
	for i := 0; i < argc && i < len(argv); i++ {
		argv[i] = *(**byte)(unsafe.Pointer(sp + 8 + 8*uintptr(i)))
	}
	name := arg(1)
	release10, has11 = arg(2) != "2003", arg(2) != "10"
	switch name {
	case "list":
		list()
		exit(0)
	case "list_old":
		listOf(oldCases)
		exit(0)
	}
	for _, list := range [...][]testCase{subprograms, oldCases} {
		for _, s := range list {
			if s.name == name {
				s.run()
				exit(0)
			}
		}
	}
	for _, f := range families {
		for i := range *f {
			if c := &(*f)[i]; c.name == name {
				c.run()
				exit(0)
			}
		}
	}
	fail("no such case")
}

func list() {
	for _, f := range families {
		listOf(*f)
	}
}

func listOf(cases []testCase) {
	for i := range cases {
		say(cases[i].name)
		say("\n")
	}
}

// arg returns an argument, "" if there is none.
func arg(i int) string {
	if i >= argc {
		return ""
	}
	n := 0
	for *(*byte)(unsafe.Add(unsafe.Pointer(argv[i]), n)) != 0 {
		n++
	}
	return unsafe.String(argv[i], n)
}

// number reads an argument in decimal.
func number(i int) int {
	n := 0
	for _, c := range []byte(arg(i)) {
		n = 10*n + int(c-'0')
	}
	return n
}

// main is what the linker wants to see; the entry is start.
func main() {}
