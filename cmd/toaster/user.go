package main

import (
	"fmt"
	"strconv"
	"strings"

	"toaster"
)

// parseUser reads UID[:GID]. Without a GID it is the same number, which it is for most
// users of most systems; there need not be an entry in a file that says otherwise.
func parseUser(s string) (*toaster.User, error) {
	uid, gid, both := strings.Cut(s, ":")
	if !both {
		gid = uid
	}
	u, err := parseID(uid)
	if err != nil {
		return nil, err
	}
	g, err := parseID(gid)
	if err != nil {
		return nil, err
	}
	return &toaster.User{UID: u, GID: g}, nil
}

// parseID reads a number of a user or group. The last one means none (chown(2)).
func parseID(s string) (uint32, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n == 1<<32-1 {
		return 0, fmt.Errorf("%q is no number of a user or group; write UID or UID:GID, as 1000:100", s)
	}
	return uint32(n), nil
}
