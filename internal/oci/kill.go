package oci

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// kill is "toaster oci kill ID [SIGNAL]". A number is the host's, a name means the same signal everywhere.
func (c *call) kill(args []string) (int, error) {
	set := newFlagSet("kill")
	var all bool
	both(set, "all a", func(n string) { set.BoolVar(&all, n, false, "") })
	rest, err := parse(set, args, 1, 2)
	if err != nil {
		return 0, err
	}
	number := int(unix.SIGTERM)
	if len(rest) == 2 {
		if number, err = parseSignal(rest[1]); err != nil {
			return 0, err
		}
	}
	t, err := c.load(rest[0])
	if err != nil {
		return 0, err
	}
	_, err = t.ask(&request{Op: opKill, Signal: number, All: all})
	return 0, err
}

// parseSignal reads a number or a name of the host's, with SIG or without.
func parseSignal(s string) (int, error) {
	if n, err := strconv.Atoi(s); err == nil && n > 0 && n <= 64 {
		return n, nil
	}
	name := strings.ToUpper(s)
	if !strings.HasPrefix(name, "SIG") {
		name = "SIG" + name
	}
	if n := unix.SignalNum(name); n != 0 {
		return int(n), nil
	}
	return 0, fmt.Errorf("unknown signal %q", s)
}
