package main

import (
	"strings"

	"toaster/internal/test/conformance"
)

// reasons say why tests fail, by package: what is true of them without -short, too, and is not in the
// table of conformance. That of a test is that of its subtests; "" is the package itself.
var reasons = map[string]map[string]string{
	"net": {
		"TestInterfaceArrivalAndDepartureZoneCache": "makes a kind of interface that this kernel does not have",
		"TestDialCancel":                      "dials an address of which nobody answers; where this was run, something in between does",
		"TestPointToPointInterface":           hostsIfconfig,
		"TestInterfaceArrivalAndDeparture":    hostsIfconfig + "; on Linux, it wants a kind of interface that this kernel does not have",
		"TestLookupCNAME":                     lookUp,
		"TestLookupGoogleHost":                lookUp,
		"TestLookupGoogleIP":                  lookUp,
		"TestLookupGoogleSRV":                 lookUp,
		"TestLookupGmailMX":                   lookUp,
		"TestLookupGmailNS":                   lookUp,
		"TestLookupGmailTXT":                  lookUp,
		"TestLookupDotsWithRemoteSource":      lookUp,
		"TestLookupContextCancel":             lookUp,
		"TestLookupHostCancel":                lookUp,
		"TestConcurrentPreferGoResolversDial": lookUp,
		"TestResolverLookupIP":                lookUp,
	},
	"github.com/shirou/gopsutil/v4/cpu": {
		"TestInfo": "reads machdep.dmi, which is there on NetBSD if the firmware has tables about the processor; toaster has no firmware",
	},
	"github.com/shirou/gopsutil/v4/host": {
		"TestInfo":  "wants the number of processes, which gopsutil does not count on NetBSD",
		"TestUsers": "reads /var/run/utmp, which is not there",
	},
	"github.com/shirou/gopsutil/v4/mem": {
		"TestVirtualMemory": "wants inactive memory, and as much of it as the buffer cache has, for its sum to come out; toaster has neither",
		"TestSwapDevices":   "wants swap, by swapctl(8) on NetBSD; there is none",
	},
	"github.com/shirou/gopsutil/v4/net": {
		"TestIOCountersAll":    hostsNetstat,
		"TestIOCountersPerNic": hostsNetstat,
		"TestConnections":      hostsNetstat,
	},
	"github.com/shirou/gopsutil/v4/process": {
		"TestConcurrent":                      "asks for a process, which gopsutil does not do on NetBSD (\"not implemented yet\")",
		"TestFillFromfdWithContext/good_path": "needs files that are not in the module",
	},
	"github.com/shirou/gopsutil/v4/sensors": {
		"TestTemperatures": "wants sensors; there are none",
	},
	"github.com/hashicorp/raft": {
		"TestFileSS_BadPerm": "wants a directory without permissions to be refused; root is not",
	},
}

const (
	hostsNetstat  = "runs `netstat` with NetBSD's arguments and finds the host's, which does not know them"
	lookUp        = "looks up a name of the Internet, which is not to be had where this was run"
	hostsIfconfig = "runs `ifconfig` with NetBSD's arguments and finds the host's, which makes no such interfaces"
)

// explain returns the reason for which a test fails.
func explain(path, test string) (string, bool) {
	for _, table := range []map[string]string{reasons[path], conformance.KnownTests[path]} {
		for name := test; ; {
			if why, ok := table[name]; ok {
				return why, true
			}
			i := strings.LastIndexByte(name, '/')
			if i < 0 {
				break
			}
			name = name[:i]
		}
	}
	return "", false
}
