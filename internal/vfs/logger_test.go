package vfs

import (
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"toaster/netbsd"
)

// heard is a writer that remembers each message.
type heard struct {
	mu       sync.Mutex
	messages []string
}

func (h *heard) Write(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.messages = append(h.messages, string(b))
	return len(b), nil
}

// loggingTree returns a view of a tree with a logger, and how to end it, which waits for all that was sent.
func loggingTree(t *testing.T, c Config) (v View, h *heard, end func()) {
	h = &heard{}
	c.Syslog = h
	tree, dirs, err := newTree(t, c)
	if err != nil {
		t.Fatal(err)
	}
	return View{Dirs: dirs}, h, sync.OnceFunc(func() {
		dirs.Close()
		tree.Close()
	})
}

// send sends a datagram to a name as connect(2) finds it.
func send(t *testing.T, v View, name, text string) {
	t.Helper()
	host, done, errno := v.LocalConnect(name)
	if errno != 0 {
		t.Fatalf("%s: %v", name, errno)
	}
	defer done()
	conn, err := net.Dial("unixgram", host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

// TestLogger: both names lead to the machine's logger (_PATH_LOG in NetBSD's <syslog.h> is /var/run/log), and nothing that was sent
// is lost when the machine ends.
func TestLogger(t *testing.T) {
	root := t.TempDir()
	os.MkdirAll(filepath.Join(root, "var/run"), 0o755)
	v, h, end := loggingTree(t, Config{Root: root, Dir: "/"})
	defer end()
	for _, text := range []string{"one", "", "two"} {
		send(t, v, "/dev/log", text)
	}
	send(t, v, "/var/run/log", "three")
	if st, errno := v.Stat(netbsd.AT_FDCWD, "/dev/log", true); errno != 0 || st.Mode&netbsd.S_IFMT != netbsd.S_IFSOCK {
		t.Errorf("/dev/log: mode %o, %v; want a socket", st.Mode, errno)
	}
	if _, errno := v.Open(netbsd.AT_FDCWD, "/dev/log", netbsd.O_WRONLY, 0); errno != netbsd.EOPNOTSUPP {
		t.Errorf("open(2) of a socket: %v, want EOPNOTSUPP (vn_open)", errno)
	}
	if _, _, errno := v.LocalConnect("/dev/null"); errno != netbsd.ENOTSOCK {
		t.Errorf("connect(2) to a device: %v, want ENOTSOCK (unp_connect)", errno)
	}
	end()
	if len(h.messages) != 3 || h.messages[0] != "one" || h.messages[1] != "two" || h.messages[2] != "three" {
		t.Errorf("heard %q", h.messages)
	}
}

// TestLoggerOfGuests: a syslogd of the guests' keeps its name, and in a root of their own (chroot(2)) there is none.
func TestLoggerOfGuests(t *testing.T) {
	root := t.TempDir()
	os.MkdirAll(filepath.Join(root, "var/run"), 0o755)
	own, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(root, "var/run/log"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	v, h, end := loggingTree(t, Config{Root: root, Dir: "/"})
	defer end()
	send(t, v, "/var/run/log", "to syslogd")
	buf := make([]byte, 64)
	if n, err := own.Read(buf); err != nil || string(buf[:n]) != "to syslogd" {
		t.Errorf("syslogd has %q, %v", buf[:n], err)
	}
	os.MkdirAll(filepath.Join(root, "jail/var/run"), 0o755)
	if errno := v.Chroot("/jail"); errno != 0 {
		t.Fatal(errno)
	}
	if _, _, errno := v.LocalConnect("/var/run/log"); errno != netbsd.ENOENT {
		t.Errorf("in a root of one's own: %v, want ENOENT", errno)
	}
	end()
	if len(h.messages) > 0 {
		t.Errorf("the machine's logger heard %q", h.messages)
	}
}

// TestNoLogger: without one there is none under a root, and elsewhere it is the host's.
func TestNoLogger(t *testing.T) {
	eachWorld(t, func(t *testing.T, w world) {
		host, done, errno := w.LocalConnect("/var/run/log")
		switch {
		case w.Dirs.rooted() && errno != netbsd.ENOENT:
			t.Errorf("under a root: %q, %v; want ENOENT", host, errno)
		case !w.Dirs.rooted() && errno == netbsd.ENOTSOCK:
			if st, err := os.Stat("/var/run/log"); err != nil || st.Mode()&os.ModeSocket != 0 {
				t.Errorf("in the host's tree: ENOTSOCK of %v, %v", st, err)
			}
		case !w.Dirs.rooted() && errno != 0:
			t.Errorf("in the host's tree: %v", errno)
		case errno == 0:
			defer done()
			if _, err := os.Stat("/var/run/log"); os.IsNotExist(err) && host != "/dev/log" {
				t.Errorf("in the host's tree: %q", host)
			}
		}
	})
}
