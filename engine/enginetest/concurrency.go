package enginetest

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/wasi"
)

const crowd = 32 // guests at once

var concurrencyCases = []Case{
	{
		Name: "Concurrent/Isolated",
		Why:  "thirty-two instances of one module at once have their own arguments, environment, streams, files and memory",
		config: wasi.Config{
			Stdin: strings.NewReader(""), Mounts: []wasi.Mount{{Guest: "/m", Host: "m"}},
		},
		files: files{"m/": ""},
		guest: gopher,
		drive: func(t *trial) {
			m := t.module(gopher)
			if err := os.Remove(t.path("m")); err != nil {
				t.Fatal(err)
			}
			defer files{"m/": ""}.write(t, t.dir)
			var all sync.WaitGroup
			for i := range crowd {
				own := strconv.Itoa(i)
				name := "own" + own
				files{name + "/a": own}.write(t, t.dir)
				defer func() {
					if err := os.RemoveAll(t.path(name)); err != nil {
						t.Error(err)
					}
				}()
				all.Go(func() {
					out := newSink()
					s := script(fmt.Sprintf(`
						cat 3 a => %[1]q
						os.getenv OWN => %[1]q
						read 0 100 => %[1]q
						poll 5 => clock
						put 3 b %[1]s => ok
						cat 3 b => %[1]q
						exit %[2]d`, own, i+1))
					err := engine.Run(t.endless(), m, &wasi.Config{
						Args:   append([]string{gopher}, s.args(t.dir)...),
						Env:    []string{"OWN=" + own},
						Stdin:  strings.NewReader(own),
						Stdout: out,
						Mounts: []wasi.Mount{{Guest: "/m", Host: t.path(name)}},
					})
					t.same(err, &engine.ExitError{Code: uint32(i + 1)})
					s.check(t, out.String(), t.dir)
				})
			}
			all.Wait()
		},
	},
	{
		Name:  "Concurrent/Memory",
		Why:   "instances at once share neither memory nor globals",
		guest: "counter",
		bare:  true,
		drive: func(t *trial) {
			m := t.module("counter")
			var all sync.WaitGroup
			for range crowd {
				all.Go(func() {
					for range 10 {
						t.same(engine.Run(t.endless(), m, nil), &engine.ExitError{Code: 2})
					}
				})
			}
			all.Wait()
		},
	},
	{
		Name: "Concurrent/Compile",
		Why:  "one Source may be compiled by several goroutines at once",
		drive: func(t *trial) {
			src := t.source("hello")
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					m, err := t.eng.Compile(t.endless(), src)
					if err != nil {
						t.Errorf("compile: %v", err)
						return
					}
					t.same(engine.Run(t.endless(), m, t.cfg), nil)
					t.same(m.Close(), nil)
				})
			}
			all.Wait()
		},
	},
	{
		Name:  "Concurrent/Collector",
		Why:   "with thirty-two guests in tight loops the host lives: its garbage collector finishes, its timers fire, a guest starts",
		guest: "spin",
		ends:  true,
		drive: collect,
	},
	{
		Name:  "Concurrent/CollectorAndCalls",
		Why:   "with thirty-two guests that compute by calls alone the host lives just as well",
		guest: "recursion",
		ends:  true,
		drive: collect,
	},
}

// collect starts a crowd of guests that never give way, and has the host collect its garbage.
func collect(t *trial) {
	ctx, cancel := context.WithCancelCause(t.endless())
	defer cancel(nil)
	var crowded []engine.Instance
	for range crowd {
		crowded = append(crowded, t.start(ctx))
	}
	// runtime.GC sweeps, too, and gives way to thirty-two others after each step: what counts is the collection
	// itself. Its number is read at intervals, without stopping the world: guests in processes of their own leave this
	// one a thirtieth of the machine, and what it spends on looking the collector does not get.
	cycles := []metrics.Sample{{Name: "/gc/cycles/total:gc-cycles"}}
	metrics.Read(cycles)
	before := cycles[0].Value.Uint64()
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.GC()
	}()
	for late := time.Now().Add(5 * patience); cycles[0].Value.Uint64() <= before; metrics.Read(cycles) {
		if time.Now().After(late) {
			t.Fatalf("the collector has not finished within %v", 5*patience)
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.hello()
	cancel(engine.Signal(15))
	for _, inst := range crowded {
		t.stopped(ctx, t.wait(inst), 143)
	}
	<-done
}
