package main

import (
	"slices"
	"testing"

	"toaster"
)

// TestMountFlags reads --mount and --tmpfs, which share one order.
func TestMountFlags(t *testing.T) {
	bind := (*mountFlags).bind
	tmpfs := (*mountFlags).tmpfs
	for _, c := range []struct {
		set  func(*mountFlags, string) error
		in   string
		want toaster.Mount
		err  error
	}{
		{bind, "src:/dst", toaster.Mount{Source: "src", Target: "/dst"}, nil},
		{bind, "/a/b:/dst:ro", toaster.Mount{Source: "/a/b", Target: "/dst", Access: toaster.ReadOnly}, nil},
		{bind, "/a:/dst:rw", toaster.Mount{Source: "/a", Target: "/dst", Access: toaster.ReadWrite}, nil},
		{bind, "/with:colon:/dst:ro", toaster.Mount{Source: "/with:colon", Target: "/dst", Access: toaster.ReadOnly}, nil},
		{bind, "/a", toaster.Mount{}, errMount},
		{bind, "/a:", toaster.Mount{}, errMount},
		{bind, ":/dst", toaster.Mount{}, errMount},
		{bind, "/a:dst", toaster.Mount{}, errMount},
		{bind, "/a:ro", toaster.Mount{}, errMount},
		{bind, "/a:/dst:rox", toaster.Mount{}, errMount},
		{bind, "", toaster.Mount{}, errMount},
		{tmpfs, "/tmp", toaster.Mount{Target: "/tmp"}, nil},
		{tmpfs, "/tmp:64M", toaster.Mount{Target: "/tmp", Size: 64 << 20}, nil},
		{tmpfs, "/tmp:", toaster.Mount{}, errTmpfs},
		{tmpfs, "/tmp:0", toaster.Mount{}, errTmpfs},
		{tmpfs, "/tmp:lots", toaster.Mount{}, errTmpfs},
		{tmpfs, "tmp", toaster.Mount{}, errTmpfs},
		{tmpfs, "", toaster.Mount{}, errTmpfs},
	} {
		var m mountFlags
		err := c.set(&m, c.in)
		if err != c.err || err == nil && !slices.Equal(m, mountFlags{c.want}) {
			t.Errorf("%q: %+v, %v, want %+v, %v", c.in, m, err, c.want, c.err)
		}
	}
}
