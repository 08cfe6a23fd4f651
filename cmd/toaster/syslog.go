package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"
)

// This file is --syslog: what guests send to their system's logger goes to a file, a line each, or to the
// host's logger. What they send is theirs to choose, and may be anything.

// hostLog is where the host's logger listens.
const hostLog = "/dev/log"

// openLog returns where messages go, nil if nowhere.
func openLog(name string) (io.WriteCloser, error) {
	switch name {
	case "":
		return nil, nil
	case "-":
		return logLines{os.Stderr}, nil
	case "host":
		log, err := dialLog(hostLog)
		if err != nil {
			return nil, fmt.Errorf("--syslog host: %w; start the host's logger, or name a file", err)
		}
		return hostLogger{log}, nil
	}
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("--syslog: %w", err)
	}
	return logLines{file}, nil
}

// dialLog connects to a logger. Package net, which would do so, is not linked into toaster for this.
func dialLog(name string) (*os.File, error) {
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if err := syscall.Connect(fd, &syscall.SockaddrUnix{Name: name}); err != nil {
		syscall.Close(fd)
		return nil, &os.PathError{Op: "connect", Path: name, Err: err}
	}
	return os.NewFile(uintptr(fd), name), nil
}

// logLines writes each message as a line.
type logLines struct{ io.WriteCloser }

func (l logLines) Write(message []byte) (int, error) {
	pri, text := priority(string(message))
	if _, err := io.WriteString(l.WriteCloser, pri.String()+": "+visible(text)+"\n"); err != nil {
		return 0, err
	}
	return len(message), nil
}

// hostLogger passes messages on, with their priority put right.
type hostLogger struct{ *os.File }

func (h hostLogger) Write(message []byte) (int, error) {
	pri, text := priority(string(message))
	if _, err := fmt.Fprintf(h.File, "<%d>%s", int(pri), text); err != nil {
		return 0, err
	}
	return len(message), nil
}

// logPriority is a facility of syslog(3), times eight, and a level.
type logPriority int

// What a message without a priority has, and what stands in for the kernel's own facility (printline of syslogd(8)).
const (
	defaultPriority logPriority = 1<<3 | 5 // user.notice
	userFacility    logPriority = 1 << 3
)

// The names are those of <syslog.h>.
var (
	logFacilities = strings.Fields("kern user mail daemon auth syslog lpr news uucp cron authpriv ftp 12 13 14 15 " +
		"local0 local1 local2 local3 local4 local5 local6 local7")
	logLevels = strings.Fields("emerg alert crit err warning notice info debug")
)

// String returns it as syslog.conf(5) writes it: "daemon.err".
func (p logPriority) String() string { return logFacilities[p>>3] + "." + logLevels[p&7] }

// priority reads the priority at the beginning of a message, as printline of syslogd(8) does: who
// claims to be the kernel is a user.
func priority(message string) (pri logPriority, text string) {
	number, text, ok := strings.Cut(message, ">")
	digits, begins := strings.CutPrefix(number, "<")
	n, err := strconv.ParseUint(digits, 10, 16)
	switch {
	case !ok || !begins || err != nil:
		return defaultPriority, message
	case n >= uint64(len(logFacilities))<<3:
		return defaultPriority, text
	case n < 8:
		n |= uint64(userFacility)
	}
	return logPriority(n), text
}

// visible has a message be one line that does nothing to a terminal: control characters are written as ^X, and what
// cannot be printed otherwise as in Go.
func visible(text string) string {
	var b strings.Builder
	for i, r := range strings.TrimRight(text, "\n\x00") {
		switch {
		case r < ' ' && r != '\t' || r == 0x7f:
			b.WriteByte('^')
			b.WriteRune(r ^ 0x40)
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], "\ufffd"):
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case r != '\t' && !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
