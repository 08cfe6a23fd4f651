// Package conformance has no code of its own but a table: its tests run the programs and the
// standard tests of the Go distribution, built for NetBSD, under toaster. How all of
// these tests and those of other modules end is in doc/compatibility.md (internal/test/compat).
//
//   - TestPrograms runs the top-level "// run" programs of GOROOT/test.
//
//   - TestStandard runs the tests of standard packages; with -std=PATTERN those of every
//     package that matches:
//
//     go test ./internal/test/conformance -run TestStandard -timeout 1h -args -std=.
//
// What cannot pass is in a table beside the test, each entry with its reason. An entry
// that is no longer true fails, so the tables are as short as the truth allows.
package conformance
