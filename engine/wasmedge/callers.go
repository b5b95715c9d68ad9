package wasmedge

import (
	"slices"
	"sync"
	"sync/atomic"
)

// callers are the guests that run, by numbers that C can keep. A call of the host finds its guest without a lock: the list is never
// changed, but replaced.
type callers[T any] struct {
	mu   sync.Mutex
	list atomic.Pointer[[]*T]
}

// add returns the number of v, until remove.
func (c *callers[T]) add(v *T) uintptr {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []*T
	if old := c.list.Load(); old != nil {
		list = slices.Clone(*old)
	}
	i := slices.Index(list, nil)
	if i < 0 {
		i, list = len(list), append(list, nil)
	}
	list[i] = v
	c.list.Store(&list)
	return uintptr(i)
}

func (c *callers[T]) get(i uintptr) *T { return (*c.list.Load())[i] }

func (c *callers[T]) remove(i uintptr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := slices.Clone(*c.list.Load())
	list[i] = nil
	for len(list) > 0 && list[len(list)-1] == nil {
		list = list[:len(list)-1]
	}
	c.list.Store(&list)
}
