package main

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestTable(t *testing.T) {
	rows := []row{
		{what: "kept", measured: time.Millisecond, against: time.Millisecond, limit: 1.15},
		{what: "broken", measured: 3 * time.Millisecond, against: 2 * time.Millisecond, limit: 1.15},
	}
	var b strings.Builder
	if err := table(&b, rows[:1]); err != nil || !strings.Contains(b.String(), "1.000") {
		t.Errorf("error %v, table\n%s", err, &b)
	}
	err := table(&b, rows)
	if err == nil || !strings.Contains(err.Error(), "broken: ratio 1.500") || strings.Contains(err.Error(), "kept") {
		t.Errorf("error %v, want one about the second row", err)
	}
}

func TestPairs(t *testing.T) {
	var order strings.Builder
	call := func(name string) func() error {
		return func() error { order.WriteString(name); return nil }
	}
	if _, _, err := pairs(4, call("a"), call("b")); err != nil || order.String() != "abbaabba" {
		t.Errorf("order %q, error %v", &order, err)
	}
	bad := errors.New("bad")
	if _, _, err := pairs(1, call("a"), func() error { return bad }); !errors.Is(err, bad) {
		t.Errorf("error %v, want %v", err, bad)
	}
	if m := median([]time.Duration{9, 1, 5}); m != 5 {
		t.Errorf("median %d, want 5", m)
	}
}
