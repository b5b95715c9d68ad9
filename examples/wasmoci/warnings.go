package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/wasmoci/wasmoci/engine"
)

// warnings is a slog.Handler that writes what an engine warns of as lines for the user, and nothing below a warning:
//
//	wasmoci: warning: message: key=value
type warnings struct {
	w      io.Writer
	attrs  string // of WithAttrs, as they are printed
	groups string // of WithGroup, with a dot behind each
}

// Enabled implements slog.Handler.
func (h warnings) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }

// Handle implements slog.Handler.
func (h warnings) Handle(_ context.Context, r slog.Record) error {
	attrs := h.attrs
	r.Attrs(func(a slog.Attr) bool {
		attrs += h.format(a)
		return true
	})
	if attrs != "" {
		attrs = ":" + attrs
	}
	_, err := fmt.Fprintf(h.w, "wasmoci: warning: %s\n", engine.Printable(r.Message+attrs))
	return err
}

// WithAttrs implements slog.Handler.
func (h warnings) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, a := range attrs {
		h.attrs += h.format(a)
	}
	return h
}

// WithGroup implements slog.Handler.
func (h warnings) WithGroup(name string) slog.Handler {
	if name != "" {
		h.groups += name + "."
	}
	return h
}

// format returns " key=value".
func (h warnings) format(a slog.Attr) string {
	value := a.Value.Resolve().String()
	if strings.ContainsAny(value, " \"") {
		value = fmt.Sprintf("%q", value)
	}
	return " " + h.groups + a.Key + "=" + value
}
