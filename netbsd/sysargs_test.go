package netbsd

import "testing"

func TestParseArgs(t *testing.T) {
	a, err := ParseArgs("fd fd, buf >buf[n], n size, name >sockaddr[*len], len <>socklen, f |open, p <>timespec[2]")
	if err != nil {
		t.Fatal(err)
	}
	if a[1].Kind != KBuf || a[1].Dir != Out || a[1].Len != 2 {
		t.Errorf("buf: %+v", a[1])
	}
	if a[3].Layout != "sockaddr" || !a[3].Deref || a[3].Len != 4 {
		t.Errorf("name: %+v", a[3])
	}
	if a[4].Dir != In|Out || a[5].Set != FlagSets()["open"] || a[6].Count != 2 {
		t.Errorf("rest: %+v", a[4:])
	}
	for _, bad := range []string{"x", "x nothing", "x |nothing", "x <nothing", "x >buf[y]", "x ioctl(y)"} {
		if _, err := ParseArgs(bad); err == nil {
			t.Errorf("ParseArgs(%q) took it", bad)
		}
	}
}

func TestFlagNames(t *testing.T) {
	for _, c := range []struct {
		set  string
		v    uint64
		want string
	}{
		{"open", O_RDWR | O_CREAT | O_CLOEXEC, "O_RDWR|O_CREAT|O_CLOEXEC"},
		{"open", 0, "O_RDONLY"},
		{"prot", 0, "PROT_NONE"},
		{"sock", SOCK_STREAM | SOCK_NONBLOCK, "SOCK_STREAM|SOCK_NONBLOCK"},
		{"wait", 0, "0"},
		{"wait", WEXITED | 0x4000000, "WEXITED|0x4000000"},
		{"filetype", S_IFREG, "S_IFREG"},
	} {
		if got := FlagSets()[c.set].Names(c.v); got != c.want {
			t.Errorf("%s %#x: %s, want %s", c.set, c.v, got, c.want)
		}
	}
	if got := FlagSets()["fcntl"].Value(F_DUPFD_CLOEXEC); got != "F_DUPFD_CLOEXEC" {
		t.Error(got)
	}
}
