package toaster

import (
	"fmt"

	"toaster/internal/machine"
)

// Network says what the sockets of guests reach, local ones (AF_LOCAL) aside, whose names
// are files. Descriptors that a program is given can be used whatever they are.
type Network string

const (
	// NetworkDefault is NetworkHost; under a root it is NetworkLoopback where the host
	// grants that, else NetworkNone.
	NetworkDefault Network = ""
	// NetworkNone: nothing. socket(2) fails with EAFNOSUPPORT.
	NetworkNone Network = "none"
	// NetworkLoopback: each other, on 127.0.0.1 and ::1 of a network namespace of the
	// machine's own. New fails where the host grants none: it takes root, or user
	// namespaces.
	NetworkLoopback Network = "loopback"
	// NetworkHost: what this process reaches.
	NetworkHost Network = "host"
)

// network turns the option into what package run knows.
func (o *Options) network() (machine.Network, error) {
	switch o.Network {
	case NetworkDefault:
		if o.Root != "" {
			return machine.NetworkLoopbackOrNone, nil
		}
		return machine.NetworkHost, nil
	case NetworkNone:
		return machine.NetworkNone, nil
	case NetworkLoopback:
		return machine.NetworkLoopback, nil
	case NetworkHost:
		return machine.NetworkHost, nil
	}
	return 0, fmt.Errorf("network %q: there are none, loopback and host", o.Network)
}
