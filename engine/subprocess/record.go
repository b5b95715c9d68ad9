//go:build linux

package subprocess

import (
	"context"
	"log/slog"
	"strconv"
	"time"
)

// record is a log record on its way to the parent's Logger.
type record struct {
	Time    time.Time  `json:"time"`
	Level   slog.Level `json:"level"`
	Message text       `json:"message"`
	Attrs   []attr     `json:"attrs,omitempty"`
}

type attr struct {
	Key   text      `json:"key"`
	Kind  slog.Kind `json:"kind"`
	Text  text      `json:"text,omitempty"`
	Group []attr    `json:"group,omitempty"`
}

func encodeAttr(a slog.Attr) attr {
	v := a.Value.Resolve()
	w := attr{Key: text(a.Key), Kind: v.Kind()}
	switch v.Kind() {
	case slog.KindGroup:
		for _, member := range v.Group() {
			w.Group = append(w.Group, encodeAttr(member))
		}
	case slog.KindDuration:
		w.Text = text(strconv.FormatInt(int64(v.Duration()), 10))
	case slog.KindTime:
		w.Text = text(v.Time().Format(time.RFC3339Nano))
	default:
		w.Text = text(v.String()) // of an error its text, too
	}
	return w
}

// decode returns the attribute with its kind; what does not read as its kind is a string.
func (w attr) decode() slog.Attr {
	key, s := string(w.Key), string(w.Text)
	switch w.Kind {
	case slog.KindGroup:
		var members []slog.Attr
		for _, m := range w.Group {
			members = append(members, m.decode())
		}
		return slog.Attr{Key: key, Value: slog.GroupValue(members...)}
	case slog.KindBool:
		if b, err := strconv.ParseBool(s); err == nil {
			return slog.Bool(key, b)
		}
	case slog.KindInt64:
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return slog.Int64(key, n)
		}
	case slog.KindUint64:
		if n, err := strconv.ParseUint(s, 10, 64); err == nil {
			return slog.Uint64(key, n)
		}
	case slog.KindFloat64:
		if x, err := strconv.ParseFloat(s, 64); err == nil {
			return slog.Float64(key, x)
		}
	case slog.KindDuration:
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return slog.Duration(key, time.Duration(n))
		}
	case slog.KindTime:
		if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
			return slog.Time(key, t)
		}
	}
	return slog.String(key, s)
}

// log hands the record to logger, as if it had been made here.
func (r *record) log(logger *slog.Logger) {
	ctx := context.Background()
	if logger == nil || !logger.Enabled(ctx, r.Level) {
		return
	}
	rec := slog.NewRecord(r.Time, r.Level, string(r.Message), 0)
	for _, a := range r.Attrs {
		rec.AddAttrs(a.decode())
	}
	_ = logger.Handler().Handle(ctx, rec) // as slog.Logger does: there is nobody to tell
}

// lowestLevel is the least of slog's levels that logger takes.
func lowestLevel(logger *slog.Logger) *slog.Level {
	if logger == nil {
		return nil
	}
	for _, l := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		if logger.Enabled(context.Background(), l) {
			return &l
		}
	}
	return nil
}

// sender is the slog.Handler of the child.
type sender struct {
	level slog.Level
	send  func(*record)
	path  []group // open groups, outermost first; the first has no name
}

type group struct {
	name  string
	attrs []slog.Attr
}

// Enabled implements slog.Handler.
func (h *sender) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level }

// Handle implements slog.Handler.
func (h *sender) Handle(_ context.Context, r slog.Record) error {
	var attrs []slog.Attr
	r.Attrs(func(a slog.Attr) bool {
		attrs = append(attrs, a)
		return true
	})
	for i := len(h.path) - 1; i >= 0; i-- {
		attrs = append(h.path[i].attrs[:len(h.path[i].attrs):len(h.path[i].attrs)], attrs...)
		if name := h.path[i].name; name != "" {
			attrs = []slog.Attr{{Key: name, Value: slog.GroupValue(attrs...)}}
		}
	}
	rec := &record{Time: r.Time, Level: r.Level, Message: text(r.Message)}
	for _, a := range attrs {
		rec.Attrs = append(rec.Attrs, encodeAttr(a))
	}
	h.send(rec)
	return nil
}

// WithAttrs implements slog.Handler.
func (h *sender) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := h.clone()
	last := &c.path[len(c.path)-1]
	last.attrs = append(last.attrs[:len(last.attrs):len(last.attrs)], attrs...)
	return c
}

// WithGroup implements slog.Handler.
func (h *sender) WithGroup(name string) slog.Handler {
	c := h.clone()
	c.path = append(c.path, group{name: name})
	return c
}

func (h *sender) clone() *sender {
	c := *h
	c.path = append([]group(nil), h.path...)
	if len(c.path) == 0 {
		c.path = []group{{}}
	}
	return &c
}
