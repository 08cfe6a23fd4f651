package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"toaster"
)

// This file reads the values of flags. An error says what is allowed.

// errSize and its like are what a value must be.
var (
	errSize     = errors.New("want bytes, above 0: 65536, 64K, 64M, 1G")
	errCount    = errors.New("want a whole number above 0")
	errDuration = errors.New("want a time above 0, with its unit: 500ms, 90s, 1h30m")
	errEnv      = errors.New("want K=V; --env-host K passes the host's value on")
	errEnvHost  = errors.New("want the name of a variable, without a value; --env K=V sets one")
	errHostExec = errors.New("want on, off or binfmt")
	errNetwork  = errors.New("want none, loopback or host")
	errHostname = errors.New("want a name of 1 to 255 letters, digits, dots and dashes")
)

// parseSize reads a number of bytes; K, M, G and T are powers of 1024.
func parseSize(s string) (int64, error) {
	shift := 0
	if n := len(s); n > 0 {
		if i := strings.IndexByte("KMGT", s[n-1]); i >= 0 {
			s, shift = s[:n-1], 10*(i+1)
		}
	}
	v, err := parseDigits(s)
	if err != nil || v > math.MaxInt64>>shift {
		return 0, errSize
	}
	return v << shift, nil
}

// parseCount reads how many there may be of something.
func parseCount(s string) (int, error) {
	v, err := parseDigits(s)
	if err != nil || v > math.MaxInt32 {
		return 0, errCount
	}
	return int(v), nil
}

// parseDigits reads a positive decimal number, without a sign.
func parseDigits(s string) (int64, error) {
	v, err := strconv.ParseUint(s, 10, 63)
	if err != nil || v == 0 {
		return 0, errCount
	}
	return int64(v), nil
}

func parseDuration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return 0, errDuration
	}
	return d, nil
}

// parseHostname checks a name as hostname(7) has it; a program may print it anywhere.
func parseHostname(s string) (string, error) {
	for _, r := range s {
		if !strings.ContainsRune("-._", r) && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') {
			return "", errHostname
		}
	}
	if s == "" || len(s) > 255 {
		return "", errHostname
	}
	return s, nil
}

// parseNetwork reads what sockets reach.
func parseNetwork(s string) (toaster.Network, error) {
	switch n := toaster.Network(s); n {
	case toaster.NetworkNone, toaster.NetworkLoopback, toaster.NetworkHost:
		return n, nil
	}
	return "", errNetwork
}

// into makes a flag's function of a parser and the place for its value.
func into[T any](p *T, parse func(string) (T, error)) func(string) error {
	return func(s string) error {
		v, err := parse(s)
		if err == nil {
			*p = v
		}
		return err
	}
}

// envFlags collects what --env and --env-host name, in their order.
type envFlags []string

func (e *envFlags) set(kv string) error {
	if name, _, ok := strings.Cut(kv, "="); !ok || name == "" {
		return errEnv
	}
	*e = append(*e, kv)
	return nil
}

// fromHost adds a variable of toaster's own environment, if it is set.
func (e *envFlags) fromHost(name string) error {
	if name == "" || strings.Contains(name, "=") {
		return errEnvHost
	}
	if v, ok := os.LookupEnv(name); ok {
		*e = append(*e, fmt.Sprintf("%s=%s", name, v))
	}
	return nil
}

// environment is Cmd.Env: what the flags add to the host's environment, or to nothing
// under a root.
func (e envFlags) environment(root string) []string {
	if len(e) == 0 || root != "" {
		return e
	}
	return append(os.Environ(), e...)
}
