package guests

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"toaster/internal/guesttest"
)

// talker is two guests: the first listens and starts the second, which asks it and says
// what it was told. With "alone" there is nobody who listens.
const talker = `package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
)

func main() {
	addr := os.Args[2]
	switch os.Args[1] {
	case "listen":
		l, err := net.Listen("tcp", addr)
		if err != nil {
			fmt.Println(err)
			return
		}
		go func() {
			c, err := l.Accept()
			if err == nil {
				fmt.Fprint(c, "a guest answers")
				c.Close()
			}
		}()
		out, err := exec.Command(os.Args[0], "ask", addr).CombinedOutput()
		fmt.Print(string(out))
	case "ask":
		c, err := net.Dial("tcp", addr)
		if err != nil {
			fmt.Println(err)
			return
		}
		b, err := io.ReadAll(c)
		fmt.Println(string(b), err)
	case "interfaces":
		list, err := net.Interfaces()
		fmt.Print("interfaces: ")
		for _, i := range list {
			fmt.Print(i.Name, " ")
		}
		fmt.Println(err)
	}
}
`

// networkRoot makes a root with the talker, and the command, which any user can run.
func networkRoot(t *testing.T) (root, command string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "toaster-network-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	root, command = filepath.Join(dir, "root"), filepath.Join(dir, "toaster")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	exe, err := guesttest.BuildIn(t.TempDir(), talker)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Link(exe, filepath.Join(root, "talker")); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", command, "toaster/cmd/toaster").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return root, command
}

// hostListener listens on the host's loopback, and fails the test if somebody comes.
func hostListener(t *testing.T, network string) (port string) {
	t.Helper()
	addr := map[string]string{"tcp4": "127.0.0.1:0", "tcp6": "[::1]:0"}[network]
	l, err := net.Listen(network, addr)
	if err != nil {
		t.Skip("the host's own loopback:", err)
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
			t.Error("a guest has reached the host")
		}
	}()
	t.Cleanup(func() { l.Close(); <-over })
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port
}

// Guests of a machine talk to each other on its own loopback, and not to the host, which
// listens on the same port; without a network there is no such family.
func TestNetworkOfTheMachine(t *testing.T) {
	root, command := networkRoot(t)
	users := map[string]*syscall.SysProcAttr{"as we are": nil}
	if os.Geteuid() == 0 {
		users["as an ordinary user"] = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	const unsupported = "address family not supported by protocol family"
	for user, attr := range users {
		for _, c := range []struct{ network, verb, family, want string }{
			{"loopback", "listen", "tcp4", "a guest answers <nil>"},
			{"loopback", "listen", "tcp6", "a guest answers <nil>"},
			{"loopback", "ask", "tcp4", "connection refused"},
			{"loopback", "interfaces", "tcp4", "interfaces: lo <nil>"},
			{"", "listen", "tcp4", "a guest answers <nil>"},
			{"none", "listen", "tcp4", unsupported},
			{"none", "ask", "tcp6", unsupported},
			{"none", "interfaces", "tcp4", "interfaces: <nil>"},
		} {
			t.Run(fmt.Sprint(user, "/", c.network, " ", c.verb, " ", c.family), func(t *testing.T) {
				host := map[string]string{"tcp4": "127.0.0.1", "tcp6": "::1"}[c.family]
				addr := net.JoinHostPort(host, hostListener(t, c.family))
				args := []string{"run", "--root", root}
				if c.network != "" {
					args = append(args, "--network", c.network)
				}
				cmd := exec.Command(command, append(args, "/talker", c.verb, addr)...)
				cmd.SysProcAttr = attr
				cmd.Dir = "/"
				out, err := cmd.CombinedOutput()
				if strings.Contains(string(out), "this host grants none") || c.network == "" && strings.Contains(string(out), unsupported) {
					t.Skipf("no network namespace: %s", out)
				}
				if err != nil || !strings.Contains(string(out), c.want) {
					t.Errorf("%v, %q; want %q", err, out, c.want)
				}
			})
		}
	}
}
