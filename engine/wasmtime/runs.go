//go:build wasmtime && cgo

package wasmtime

import (
	"sync"
	"sync/atomic"

	"github.com/wasmoci/wasmoci/engine/internal/core"
)

// runs are the guests that run, by the number that C knows them by. Looking one up, which every call of a guest does, takes no
// lock and makes no garbage.
var runs struct {
	sync.Mutex
	list atomic.Pointer[[]atomic.Pointer[core.Run]]
	free []int
}

// number gives r a number, until it is released.
func number(r *core.Run) int {
	runs.Lock()
	defer runs.Unlock()
	if len(runs.free) == 0 {
		var old []atomic.Pointer[core.Run]
		if p := runs.list.Load(); p != nil {
			old = *p
		}
		list := make([]atomic.Pointer[core.Run], max(2*len(old), 64))
		for i := range old {
			list[i].Store(old[i].Load())
		}
		for i := len(list) - 1; i >= len(old); i-- {
			runs.free = append(runs.free, i)
		}
		runs.list.Store(&list)
	}
	last := len(runs.free) - 1
	n := runs.free[last]
	runs.free = runs.free[:last]
	(*runs.list.Load())[n].Store(r)
	return n
}

func release(n int) {
	runs.Lock()
	defer runs.Unlock()
	(*runs.list.Load())[n].Store(nil)
	runs.free = append(runs.free, n)
}

func runOf(n int) *core.Run { return (*runs.list.Load())[n].Load() }
