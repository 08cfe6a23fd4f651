package platform

import (
	"slices"
	"strings"
	"testing"

	"toaster/internal/hostlike"
)

// TestOnOtherHosts runs tests of every part again, on other hosts.
func TestOnOtherHosts(t *testing.T) {
	t.Parallel()
	everywhere := []string{
		"TestSyscall", "TestForkSeparatesMemory", "TestThreadsShareMemory",
		"TestKilledFromOutside", "TestReadString", "TestMappings", "TestNobodyIsLeft", "TestSegmentBases",
		"TestExtendedStateIsSavedAndRestored", "TestCloseLeavesNothing",
	}
	if HaveFSGSBase() {
		everywhere = append(everywhere, "TestFastCallsHaveAllRegisters")
	}
	for _, parts := range hostlike.Working {
		t.Run(parts, func(t *testing.T) {
			t.Parallel()
			tests := everywhere
			if HaveFSGSBase() && !strings.HasPrefix(parts, "sealed-vdso") { // the stub has no clock there
				tests = append(slices.Clone(tests), "TestFastClock")
			}
			hostlike.RunTests(t, parts, tests...)
		})
	}
}
