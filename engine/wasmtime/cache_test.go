//go:build wasmtime && cgo

package wasmtime_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/wasmtime"
)

// TestCacheForeign: an entry whose digest is right, and which Wasmtime cannot use, is compiled again, and the reason logged.
func TestCacheForeign(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	var log bytes.Buffer
	run := func(opts engine.Options, cached bool, logged string) {
		t.Helper()
		log.Reset()
		opts.CacheDir, opts.Logger = dir, slog.New(slog.NewTextHandler(&log, nil))
		m, err := opened(t, wasmtime.New, opts).Compile(t.Context(), engine.FromBytes(assembled(t, "hello")))
		if err != nil {
			t.Fatal(err)
		}
		if m.Info().Cached != cached {
			t.Errorf("Cached is %t, want %t", m.Info().Cached, cached)
		}
		if got := log.String(); (logged == "") != (got == "") || !strings.Contains(got, logged) || strings.Contains(got, "backtrace") {
			t.Errorf("logged %q, want %q in it", got, logged)
		}
		ctx := t.Context()
		if err := engine.Run(ctx, m, nil); opts.Uninterruptible == (err == nil) {
			t.Errorf("ended by %v", err) // a test's context can end
		}
	}
	entries := func(n int) []string {
		t.Helper()
		found, err := filepath.Glob(filepath.Join(dir, "*", "*"))
		if err != nil || len(found) != n {
			t.Fatalf("the cache has %q, %v, want %d entries", found, err, n)
		}
		return found
	}
	content := func(entry string) []byte {
		t.Helper()
		code, err := os.ReadFile(entry)
		if err != nil {
			t.Fatal(err)
		}
		return code
	}
	replace := func(entry string, code []byte) {
		t.Helper()
		digest := sha256.Sum256(code)
		if err := os.Remove(entry); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(filepath.Dir(entry), hex.EncodeToString(digest[:])), code, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run(engine.Options{}, false, "")
	run(engine.Options{}, true, "")
	code := content(entries(1)[0])
	for _, other := range [][]byte{nil, []byte("no code at all"), code[:len(code)/2], code[len(code)/2:]} {
		replace(entries(1)[0], other)
		run(engine.Options{}, false, "cached code cannot be used")
		run(engine.Options{}, true, "")
	}
	run(engine.Options{Uninterruptible: true}, false, "") // code of its own
	run(engine.Options{Uninterruptible: true}, true, "")
	both := entries(2)
	first, second := content(both[0]), content(both[1])
	replace(both[0], second)
	replace(both[1], first)
	run(engine.Options{}, false, "cached code cannot be used")
	run(engine.Options{Uninterruptible: true}, false, "cached code cannot be used")
}
