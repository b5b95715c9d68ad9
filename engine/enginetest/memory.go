package enginetest

import (
	"errors"
	"sync"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/wasi"
)

var memoryCases = []Case{
	{
		Name:   "Memory/Limit",
		Why:    "memory grows to the limit, all of it usable, and not a page beyond: there memory.grow is -1 and the guest goes on",
		guest:  "grow",
		config: wasi.Config{Limits: wasi.Limits{MemoryBytes: 10 * wasi.PageSize}},
		end:    &engine.ExitError{Code: 10},
		status: 10,
	},
	{
		Name:   "Memory/LimitRounded",
		Why:    "the limit is rounded down to whole pages",
		guest:  "grow",
		config: wasi.Config{Limits: wasi.Limits{MemoryBytes: 11*wasi.PageSize - 1}},
		end:    &engine.ExitError{Code: 10},
		status: 10,
	},
	{
		Name:   "Memory/LimitIsStart",
		Why:    "a module that starts with all it may have runs, and does not grow",
		guest:  "grow",
		config: wasi.Config{Limits: wasi.Limits{MemoryBytes: wasi.PageSize}},
		end:    &engine.ExitError{Code: 1},
		status: 1,
	},
	{
		Name:   "Memory/LimitBelowStart",
		Why:    "a module that starts with more than it may have does not start",
		guest:  "large",
		config: wasi.Config{Limits: wasi.Limits{MemoryBytes: 31*wasi.PageSize + 5}},
		refuse: &engine.MemoryLimitError{Need: 32 * wasi.PageSize, Limit: 31 * wasi.PageSize},
	},
	{
		Name:   "Memory/TableAtStart",
		Why:    "what the tables of a module take at its start counts: 8 bytes an element, in whole pages",
		guest:  "table_large",
		config: wasi.Config{Limits: wasi.Limits{MemoryBytes: wasi.PageSize}},
		refuse: &engine.MemoryLimitError{Need: wasi.PageSize + 1_000_000*8/wasi.PageSize*wasi.PageSize, Limit: wasi.PageSize},
	},
	{
		Name:   "Memory/TableGrowth",
		Why:    "tables do not grow without bound beside the memory: ten million elements in all, and the guest goes on",
		guest:  "table_grow",
		config: wasi.Config{Limits: wasi.Limits{MemoryBytes: wasi.PageSize}},
		drive: func(t *trial) {
			err := t.wait(t.start(t.endless()))
			var exit *engine.ExitError
			if errors.As(err, &exit) && exit.Code > 10 {
				t.Errorf("the tables have %d million elements", exit.Code)
			} else if err != nil && exit == nil {
				t.Errorf("the guest ended by %v", err)
			}
		},
	},
	{
		Name:  "Memory/NoLimit",
		Why:   "without a limit memory grows as far as the module asks",
		guest: "grow",
		bare:  true,
		end:   &engine.ExitError{Code: 254}, status: 254,
	},
	{
		Name:   "Memory/GrowAtOnce",
		Why:    "growth is granted as a whole or not at all: 16 MiB within the limit, 4 GiB never, and one page after that refusal",
		guest:  "grow_at_once",
		config: wasi.Config{Limits: wasi.Limits{MemoryBytes: 300 * wasi.PageSize}},
		end:    &engine.ExitError{Code: 5},
		status: 5,
	},
	{
		Name: "Memory/LimitTooSmall",
		Why:  "a limit below one page is no limit to work with: an invalid Config, also where the engine has no limits",
		drive: func(t *trial) {
			t.cfg.Limits.MemoryBytes = wasi.PageSize - 1
			_, err := t.module("hello").Start(t.endless(), t.cfg)
			t.fieldError(err, "Limits.MemoryBytes")
			t.silent()
		},
	},
	{
		Name:   "Memory/LimitPerRun",
		Why:    "the limit is each run's own, also of two at once from one module",
		guest:  "grow",
		config: wasi.Config{Limits: wasi.Limits{MemoryBytes: 20 * wasi.PageSize}},
		drive: func(t *trial) {
			m := t.module("grow")
			var all sync.WaitGroup
			for pages := uint32(2); pages < 18; pages++ {
				all.Go(func() {
					cfg := &wasi.Config{Limits: wasi.Limits{MemoryBytes: uint64(pages) * wasi.PageSize}}
					t.same(engine.Run(t.endless(), m, cfg), &engine.ExitError{Code: pages})
				})
			}
			all.Wait()
		},
	},
	{
		Name:   "Memory/Stats",
		Why:    "Stats, where it knows, has the peak of a run's memory also after the end, and time that has passed",
		guest:  "grow",
		config: wasi.Config{Limits: wasi.Limits{MemoryBytes: 10 * wasi.PageSize}},
		drive: func(t *trial) {
			inst := t.start(t.endless())
			t.same(t.wait(inst), &engine.ExitError{Code: 10})
			s := inst.Stats()
			if s.MemoryPeakBytes != 0 && s.MemoryPeakBytes != 10*wasi.PageSize {
				t.Errorf("MemoryPeakBytes is %d, want 0 or %d", s.MemoryPeakBytes, 10*wasi.PageSize)
			}
			if s.MemoryBytes > s.MemoryPeakBytes {
				t.Errorf("MemoryBytes is %d, more than the peak of %d", s.MemoryBytes, s.MemoryPeakBytes)
			}
			if s.Elapsed <= 0 || s != inst.Stats() {
				t.Errorf("after the end Stats is %+v, then %+v", s, inst.Stats())
			}
			if s.HostCalls > 1 {
				t.Errorf("HostCalls is %d, want at most 1", s.HostCalls)
			}
		},
	},
	{
		Name:  "Memory/Fresh",
		Why:   "each instance has memory and globals of its own, as the module has them",
		guest: "counter",
		drive: func(t *trial) {
			for range 3 {
				t.same(t.wait(t.start(t.endless())), &engine.ExitError{Code: 2})
			}
		},
	},
}
