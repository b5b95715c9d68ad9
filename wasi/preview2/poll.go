package preview2

import (
	"time"

	"github.com/wasmoci/wasmoci/wasi/vfs"
)

// pollable is something to wait for: a time, a stream, or, with neither, nothing.
type pollable struct {
	deadline time.Time
	stream   vfs.Pollable
}

// atOnce is a deadline that has passed.
var atOnce = time.Unix(1, 0)

func ready(h *Host, a []Value) (Value, error) {
	is, err := h.wait([]*pollable{of[*pollable](h, a[0])}, false)
	if err != nil {
		return nil, err
	}
	return is[0], nil
}

func block(h *Host, a []Value) (Value, error) {
	_, err := h.wait([]*pollable{of[*pollable](h, a[0])}, true)
	return nil, err
}

func poll(h *Host, a []Value) (Value, error) {
	handles := a[0].(List)
	if len(handles) == 0 {
		violate("there is nothing to wait for")
	}
	list := make([]*pollable, len(handles))
	for i, v := range handles {
		list[i] = of[*pollable](h, v)
	}
	is, err := h.wait(list, true)
	if err != nil {
		return nil, err
	}
	found := List{}
	for i, yes := range is {
		if yes {
			found = append(found, uint32(i))
		}
	}
	return found, nil
}

// wait says which of list are ready. With block it waits until one is.
func (h *Host) wait(list []*pollable, block bool) ([]bool, error) {
	is := make([]bool, len(list))
	var deadline time.Time // the earliest; zero where there is none
	var streams []vfs.Pollable
	var waiting []int // their indices
	known := !block
	for i, p := range list {
		switch {
		case p.stream != nil:
			streams, waiting = append(streams, p.stream), append(waiting, i)
		case p.deadline.IsZero():
			is[i], known = true, true
		case deadline.IsZero() || p.deadline.Before(deadline):
			deadline = p.deadline
		}
	}
	if known {
		deadline = atOnce // look at the others without waiting
	}
	if len(streams) > 0 {
		found, err := vfs.Poll(h.stop, deadline, streams)
		if err != nil {
			return nil, ErrStopped
		}
		for k, r := range found {
			is[waiting[k]] = r != nil
		}
	} else if !h.stop.Sleep(deadline) {
		return nil, ErrStopped
	}
	now := time.Now()
	for i, p := range list {
		if p.stream == nil && !p.deadline.IsZero() {
			is[i] = !p.deadline.After(now)
		}
	}
	return is, nil
}
