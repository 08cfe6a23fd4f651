package oci

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
)

// logger writes what there is to say in the form that runc's log has: a shim reads the last error out of it.
type logger struct {
	*slog.Logger
	toFile bool
}

// newLogger opens the log: the file, if one is named, else standard error.
func newLogger(file, format string, debug bool) (*logger, error) {
	var w io.Writer = os.Stderr
	if file != "" {
		f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_APPEND|os.O_SYNC, 0o644)
		if err != nil {
			return nil, fmt.Errorf("--log: %w", err)
		}
		w = f
	}
	options := &slog.HandlerOptions{Level: slog.LevelInfo, ReplaceAttr: lowerLevel}
	if debug {
		options.Level = slog.LevelDebug
	}
	switch format {
	case "text", "":
		if file == "" {
			return &logger{slog.New(plainHandler{slog.NewTextHandler(w, options), w}), false}, nil
		}
		return &logger{slog.New(slog.NewTextHandler(w, options)), true}, nil
	case "json":
		return &logger{slog.New(slog.NewJSONHandler(w, options)), file != ""}, nil
	}
	return nil, fmt.Errorf("--log-format %s: there are text and json", format)
}

// lowerLevel writes a level as runc does: error, not ERROR.
func lowerLevel(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.LevelKey {
		a.Value = slog.StringValue(strings.ToLower(a.Value.String()))
	}
	return a
}

// fail tells of the error that a command ends with, on standard error, too. The library's begin with its name,
// which stands there already.
func (l *logger) fail(err error) {
	text := strings.TrimPrefix(err.Error(), "toaster: ")
	l.Error(text)
	if l.toFile {
		fmt.Fprintf(os.Stderr, "toaster oci: %s\n", text)
	}
}
