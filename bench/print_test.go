package main

import (
	"strings"
	"testing"
)

func TestUnits(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{inUnit(450, inTime), "0.45µs"}, {inUnit(45e3, inTime), "45µs"}, {inUnit(1.5e6, inTime), "1.50ms"}, {inUnit(2.5e9, inTime), "2500ms"},
		{inUnit(23.2*1024, inBytes), "23.2KiB"}, {inUnit(12<<20, inBytes), "12.0MiB"},
		{times(0.5), "0.50"}, {times(12.34), "12.3"}, {times(234.5), "234"},
		{thousands(8), "8"}, {thousands(100000), "100,000"}, {thousands(1234567), "1,234,567"},
	} {
		if c.got != c.want {
			t.Errorf("%s, want %s", c.got, c.want)
		}
	}
}

// Growth is against the first row of its kind, for times alone.
func TestGrowth(t *testing.T) {
	res := new(results)
	for i, name := range []string{"spawn/1", "spawn/8", "mem/a", "mem/b"} {
		r := res.add(row{name: name, unit: inTime, scale: true})
		if i > 1 {
			r.Unit = inBytes
		}
		r.put(toaster, float64(2*i+1))
	}
	res.summarize()
	for i, want := range []string{"", "3.00", "", ""} {
		if got := growth(res, res.Rows[i], toaster); got != want {
			t.Errorf("%s has grown by %q, want %q", res.Rows[i].Name, got, want)
		}
		if got := growth(res, res.Rows[i], native); got != "" {
			t.Errorf("%s has grown by %q without a figure", res.Rows[i].Name, got)
		}
	}
}

// A reason is printed once, with all rows that it is of.
func TestMissingReasons(t *testing.T) {
	res := &results{Systems: []string{native, toaster}}
	for _, name := range []string{"dd", "cat"} {
		res.add(row{name: name}).miss("", "no tree")
	}
	res.add(row{name: "stat"}).miss(toaster, "no call")
	var b strings.Builder
	printTable(&b, res)
	if !strings.HasPrefix(b.String(), "without dd, cat: no tree\nwithout stat: under toaster: no call\n") {
		t.Errorf("%s", b.String())
	}
}
