package main

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// TestMain has the test binary be toaster-root, whose proxies are those of the environment that it starts with.
func TestMain(m *testing.M) {
	switch os.Getenv("TOASTER_ROOT_TEST") {
	case "1inside":
		os.Exit(insideMain())
	case "1":
		os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// TestProxy: sets come through the proxy that the environment names, which is told of when it refuses; NO_PROXY goes past it.
func TestProxy(t *testing.T) {
	sets := writeSets(t)
	var mu sync.Mutex // the handler runs in goroutines of its own
	var asked []string
	var refuse atomic.Bool
	urls := func() (list []string) {
		mu.Lock()
		defer mu.Unlock()
		list, asked = asked, nil
		return list
	}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked = append(asked, r.URL.String())
		mu.Unlock()
		if refuse.Load() {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		http.ServeFile(w, r, filepath.Join(sets, filepath.Base(r.URL.Path)))
	}))
	defer proxy.Close()
	top := t.TempDir()
	create := func(dir string, env ...string) (string, error) {
		cmd := exec.Command("/proc/self/exe", "create", filepath.Join(top, dir), "--no-host-files", "--cache", filepath.Join(top, "cache"), "--from", "http://mirror.invalid/sets")
		cmd.Env = append(env, "TOASTER_ROOT_TEST=1", "HOME="+top)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		err := cmd.Run()
		return out.String(), err
	}
	if out, err := create("a", "HTTP_PROXY="+proxy.URL); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	if list := urls(); len(list) != 3 || list[0] != "http://mirror.invalid/sets/SHA512" {
		t.Errorf("the proxy was asked for %q", list)
	}
	refuse.Store(true)
	if out, err := create("b", "HTTP_PROXY="+proxy.URL); err == nil || !strings.Contains(out, "the proxy wants to know who asks (407)") {
		t.Errorf("%v: %s", err, out)
	}
	urls()
	out, err := create("c", "HTTP_PROXY="+proxy.URL, "NO_PROXY=mirror.invalid")
	if list := urls(); err == nil || len(list) > 0 {
		t.Errorf("NO_PROXY: %v, %q: %s", err, list, out)
	}
}
