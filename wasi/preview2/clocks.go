package preview2

import "time"

// clocksTable is wasi:clocks.
var clocksTable = []Func{
	{"wasi:clocks/monotonic-clock", "now", "() -> u64", func(*Host, []Value) (Value, error) { return uint64(time.Since(begun)) + 1, nil }},
	{"wasi:clocks/monotonic-clock", "resolution", "() -> u64", func(*Host, []Value) (Value, error) { return uint64(1), nil }},
	{"wasi:clocks/monotonic-clock", "subscribe-instant", "(u64) -> own<pollable>", func(h *Host, a []Value) (Value, error) {
		return h.resources.add(typePollable, &pollable{deadline: begun.Add(duration(a[0]))}), nil
	}},
	{"wasi:clocks/monotonic-clock", "subscribe-duration", "(u64) -> own<pollable>", func(h *Host, a []Value) (Value, error) {
		return h.resources.add(typePollable, &pollable{deadline: time.Now().Add(duration(a[0]))}), nil
	}},
	{"wasi:clocks/wall-clock", "now", "() -> $datetime", func(*Host, []Value) (Value, error) {
		return datetime(time.Now().UnixNano()), nil
	}},
	{"wasi:clocks/wall-clock", "resolution", "() -> $datetime", func(*Host, []Value) (Value, error) { return datetime(1), nil }},
}

// duration is as long as Go's clock can count to: more is as good as never.
func duration(v Value) time.Duration {
	const never = 1 << 62 // 146 years
	return time.Duration(min(v.(uint64), never))
}

// datetime is a time not before 1970.
func datetime(nanoseconds int64) Record {
	return Record{{"seconds", uint64(nanoseconds / 1e9)}, {"nanoseconds", uint32(nanoseconds % 1e9)}}
}
