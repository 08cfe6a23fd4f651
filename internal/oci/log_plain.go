package oci

import (
	"context"
	"fmt"
	"io"
	"log/slog"
)

// plainHandler is for a person at a terminal: one line that names the speaker, no time.
type plainHandler struct {
	slog.Handler
	w io.Writer
}

// Enabled says that a person who has not asked for more hears of warnings and errors.
func (h plainHandler) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn || h.Handler.Enabled(ctx, slog.LevelDebug)
}

// Handle implements slog.Handler.
func (h plainHandler) Handle(_ context.Context, r slog.Record) error {
	text := r.Message
	r.Attrs(func(a slog.Attr) bool {
		text += fmt.Sprintf(" %s=%v", a.Key, a.Value)
		return true
	})
	_, err := fmt.Fprintf(h.w, "toaster oci: %s\n", text)
	return err
}
