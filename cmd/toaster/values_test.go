package main

import (
	"errors"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"toaster"
)

func TestParseValues(t *testing.T) {
	for _, c := range []struct {
		parse func(string) (any, error)
		in    string
		want  any
		err   error
	}{
		{size, "1", int64(1), nil},
		{size, "64K", int64(64 << 10), nil},
		{size, "64M", int64(64 << 20), nil},
		{size, "1G", int64(1 << 30), nil},
		{size, "7T", int64(7 << 40), nil},
		{size, "9223372036854775807", int64(math.MaxInt64), nil},
		{size, "9223372036854775808", nil, errSize},
		{size, "8388608T", nil, errSize}, // 2^63
		{size, "0", nil, errSize},
		{size, "0G", nil, errSize},
		{size, "", nil, errSize},
		{size, "M", nil, errSize},
		{size, "-1M", nil, errSize},
		{size, "+1M", nil, errSize},
		{size, "1.5G", nil, errSize},
		{size, "64m", nil, errSize},
		{size, "64MB", nil, errSize},
		{size, "64 M", nil, errSize},
		{count, "1", 1, nil},
		{count, "2147483647", math.MaxInt32, nil},
		{count, "2147483648", nil, errCount},
		{count, "0", nil, errCount},
		{count, "-1", nil, errCount},
		{count, "1K", nil, errCount},
		{count, "many", nil, errCount},
		{duration, "90s", 90 * time.Second, nil},
		{duration, "1h30m", 90 * time.Minute, nil},
		{duration, "1.5s", 1500 * time.Millisecond, nil},
		{duration, "0s", nil, errDuration},
		{duration, "-1s", nil, errDuration},
		{duration, "10", nil, errDuration},
		{hostname, "a-b.example_1", "a-b.example_1", nil},
		{hostname, "", nil, errHostname},
		{hostname, "two words", nil, errHostname},
		{hostname, "a\x1b[2J", nil, errHostname},
		{hostname, strings.Repeat("a", 256), nil, errHostname},
		{network, "none", toaster.NetworkNone, nil},
		{network, "loopback", toaster.NetworkLoopback, nil},
		{network, "host", toaster.NetworkHost, nil},
		{network, "", nil, errNetwork},
		{network, "bridge", nil, errNetwork},
	} {
		got, err := c.parse(c.in)
		if !errors.Is(err, c.err) || err == nil && got != c.want {
			t.Errorf("%q: %v, %v; want %v, %v", c.in, got, err, c.want, c.err)
		}
	}
}

func size(s string) (any, error)     { return parseSize(s) }
func count(s string) (any, error)    { return parseCount(s) }
func duration(s string) (any, error) { return parseDuration(s) }
func network(s string) (any, error)  { return parseNetwork(s) }
func hostname(s string) (any, error) { return parseHostname(s) }

// Under a root nothing comes along but what is named; of a variable that the host does not
// have nothing does.
func TestEnvFlags(t *testing.T) {
	t.Setenv("TOASTER_TEST", "of the host")
	var e envFlags
	if got := e.environment("/root"); len(got) != 0 {
		t.Errorf("without flags: %q", got)
	}
	for _, err := range []error{e.set("A=1"), e.fromHost("TOASTER_TEST"), e.fromHost("TOASTER_NO_SUCH"), e.set("B=")} {
		if err != nil {
			t.Error(err)
		}
	}
	want := []string{"A=1", "TOASTER_TEST=of the host", "B="}
	if got := e.environment("/root"); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := e.environment(""); !slices.Equal(got, append(os.Environ(), want...)) {
		t.Errorf("on the host's tree: %q", got)
	}
	for _, kv := range []string{"A", "", "=1"} {
		if err := e.set(kv); err != errEnv {
			t.Errorf("--env %q: %v", kv, err)
		}
	}
	for _, name := range []string{"A=1", ""} {
		if err := e.fromHost(name); err != errEnvHost {
			t.Errorf("--env-host %q: %v", name, err)
		}
	}
}
