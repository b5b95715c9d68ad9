package wasmedge

import (
	"sync"
	"testing"
)

// TestCallers: each is found by its number while it is there, whoever comes and goes meanwhile, and numbers are used again.
func TestCallers(t *testing.T) {
	var c callers[int]
	var all sync.WaitGroup
	for worker := range 32 {
		all.Go(func() {
			for range 100 {
				v := worker
				i := c.add(&v)
				if i >= 32 {
					t.Errorf("number %d for one of 32", i)
				}
				if c.get(i) != &v {
					t.Error("somebody else is found")
				}
				c.remove(i)
			}
		})
	}
	all.Wait()
	if left := len(*c.list.Load()); left != 0 {
		t.Errorf("%d are left", left)
	}
}
