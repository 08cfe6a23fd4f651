package main

import (
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
)

// nopCloser is a writer that is closed by whoever made it.
type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// TestLogLines: priorities as printline of NetBSD's usr.sbin/syslogd/syslogd.c reads them, names as <sys/syslog.h> has them.
func TestLogLines(t *testing.T) {
	for _, c := range []struct{ message, line string }{
		{"<27>1 2026-11-27T10:00:00.0Z host cron 12 - - hello", "daemon.err: 1 2026-11-27T10:00:00.0Z host cron 12 - - hello"},
		{"<13>Nov 27 10:00:00 sh: two words\n", "user.notice: Nov 27 10:00:00 sh: two words"},
		{"<191>last", "local7.debug: last"},
		{"<192>beyond", "user.notice: beyond"},
		{"<2>no kernel", "user.crit: no kernel"},
		{"no priority", "user.notice: no priority"},
		{"<x>no number", "user.notice: <x>no number"},
		{"<-1>below", "user.notice: <-1>below"},
		{"<99999999999999999999>huge", "user.notice: <99999999999999999999>huge"},
		{"<13", "user.notice: <13"},
		{"", "user.notice: "},
		{"<13>one\nuser.emerg: forged", "user.notice: one^Juser.emerg: forged"},
		{"<13>\x1b[2J\x7f\u009b\xff\u202e\tend\ufffd", `user.notice: ^[[2J^?\u009b\xff\u202e` + "\tend\ufffd"},
	} {
		var b strings.Builder
		n, err := logLines{nopCloser{&b}}.Write([]byte(c.message))
		if n != len(c.message) || err != nil || b.String() != c.line+"\n" {
			t.Errorf("%q: %q, %d, %v; want %q", c.message, b.String(), n, err, c.line)
		}
	}
}

// TestHostLogger: messages reach the host's logger as they are, but that nobody is the kernel.
func TestHostLogger(t *testing.T) {
	name := filepath.Join(t.TempDir(), "log")
	host, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	log, err := dialLog(name)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	for message, want := range map[string]string{"<27>a\x1b\n": "<27>a\x1b\n", "<2>b": "<10>b", "c": "<13>c"} {
		if n, err := (hostLogger{log}).Write([]byte(message)); n != len(message) || err != nil {
			t.Errorf("%q: %d, %v", message, n, err)
		}
		buf := make([]byte, 64)
		if n, err := host.Read(buf); err != nil || string(buf[:n]) != want {
			t.Errorf("%q arrives as %q, %v; want %q", message, buf[:n], err, want)
		}
	}
}

// TestNoHostLogger: the error says what is missing, and what to do.
func TestNoHostLogger(t *testing.T) {
	_, err := dialLog(filepath.Join(t.TempDir(), "none"))
	if err == nil || !strings.HasSuffix(err.Error(), "/none: no such file or directory") {
		t.Errorf("no logger: %v", err)
	}
}

// FuzzLogLine: whatever a guest sends is one line that can be printed.
func FuzzLogLine(f *testing.F) {
	f.Add("<27>1 2026-11-27T10:00:00.0Z host cron 12 - - hello\x00\xff")
	f.Fuzz(func(t *testing.T, message string) {
		pri, text := priority(message)
		if line := pri.String() + visible(text); strings.ContainsFunc(line, func(r rune) bool { return r != '\t' && !unicode.IsPrint(r) }) {
			t.Errorf("%q becomes %q", message, line)
		}
	})
}
