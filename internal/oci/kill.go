package oci

import (
	"flag"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// bindKill is "toaster oci kill ID [SIGNAL]".
func bindKill(set *flag.FlagSet) action {
	var all bool
	both(set, "all a", func(n string) { set.BoolVar(&all, n, false, "send it to every process of the container") })
	return func(c *call, args []string) (int, error) { return 0, c.kill(args[0], args[1:], all) }
}

// kill sends the signal that is named, if one is. A number is the host's, a name means the same signal everywhere.
func (c *call) kill(id string, signal []string, all bool) (err error) {
	number := int(unix.SIGTERM)
	if len(signal) > 0 {
		if number, err = parseSignal(signal[0]); err != nil {
			return err
		}
	}
	t, err := c.load(id)
	if err != nil {
		return err
	}
	_, err = t.ask(&request{Op: opKill, Signal: number, All: all})
	return err
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
