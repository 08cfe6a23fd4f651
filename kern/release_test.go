package kern

import "testing"

// sys/param.h and kern/syscalls.master of the branches netbsd-11 and netbsd-10: the last call of 10 is lpathconf, that of 11 semtimedop;
// O_CLOFORK (sys/fcntl.h 1.57) is 11's.
func TestReleases(t *testing.T) {
	if (Config{}).Release != Release11 {
		t.Error("the default is not release 11")
	}
	for _, c := range []struct {
		r               Release
		name, osRelease string
		lastCall        int
		closeOnFork     bool
		sigwaitOld      bool
		r2003           bool
	}{
		{Release11, "11", "11.0", 506, true, false, false},
		{Release10, "10", "10.1", 499, false, true, false},
		{Release2003, "2003", "11.0", 506, true, false, true},
	} {
		if c.r.String() != c.name || c.r.OSRelease() != c.osRelease || c.r.LastCall() != c.lastCall || c.r.CloseOnFork() != c.closeOnFork || c.r.SigwaitOld() != c.sigwaitOld {
			t.Errorf("release %s: %s, %d, %v, %v", c.r, c.r.OSRelease(), c.r.LastCall(), c.r.CloseOnFork(), c.r.SigwaitOld())
		}
		if r, err := ReleaseNamed(c.name); r != c.r || err != nil {
			t.Errorf("%s: %v, %v", c.name, r, err)
		}
		m := New(Config{Release: c.r})
		if m.Release() != c.r || m.r2003 != c.r2003 {
			t.Errorf("a machine of release %s: %s, %v", c.r, m.Release(), m.r2003)
		}
		m.Close()
	}
	if r, err := ReleaseNamed("9"); err == nil {
		t.Errorf("9 is release %s", r)
	}
	if names := ReleaseNames(); len(names) != 3 || names[0] != "11" {
		t.Errorf("the names are %q", names)
	}
}
