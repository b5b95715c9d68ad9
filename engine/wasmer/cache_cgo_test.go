//go:build wasmer && cgo

package wasmer

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/cache"
	"github.com/wasmoci/wasmoci/wasi"
)

// TestForeignEntry: an entry whose digest is right, of another version or by somebody with the user's rights, is refused by
// libwasmer's own look at its beginning, with a logged reason, and the module is compiled again.
func TestForeignEntry(t *testing.T) {
	dir := t.TempDir() + "/cache"
	run := func(cached bool, logged string) {
		t.Helper()
		var log, out bytes.Buffer
		eng := openForTest(t, engine.Options{CacheDir: dir, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		m := compileForTest(t, eng, writer)
		if m.Info().Cached != cached {
			t.Errorf("Cached is %t", m.Info().Cached)
		}
		if got := log.String(); (logged == "") != (got == "") || !strings.Contains(got, logged) {
			t.Errorf("logged %q, want %q in it", got, logged)
		}
		if err := engine.Run(context.WithoutCancel(t.Context()), m, &wasi.Config{Stdout: &out}); err != nil || out.String() != "hi\nhi\n" {
			t.Errorf("wrote %q, ended with %v", out.String(), err)
		}
	}
	run(false, "")
	run(true, "")
	content, err := engine.FromBytes(writer).Load(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	d, err := cache.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	key := cache.Key{Module: content.Digest, Engine: Name, Version: compiler{}.Version(), Config: compiler{}.Config(), CPU: cache.CPU()}
	for _, foreign := range []string{"", "wasmer", "\x7fELF\x02\x01\x01", strings.Repeat("not code ", 1000)} {
		if err := d.Put(key, "", strings.NewReader(foreign)); err != nil {
			t.Fatal(err)
		}
		run(false, "cached code cannot be used")
		run(true, "")
	}
}
