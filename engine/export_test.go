package engine_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
)

// plain is an engine that exports nothing.
type plain struct{ engine.Engine }

func (plain) Info() engine.Info { return engine.Info{Name: "plain"} }

func TestExportPlain(t *testing.T) {
	err := engine.Export(t.Context(), plain{}, engine.FromBytes(nil), t.TempDir())
	var no *engine.NoExportError
	var in *engine.Error
	if !errors.As(err, &no) || no.Engine != "plain" || !errors.As(err, &in) || in.Op != "export" || !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v, want an *engine.NoExportError", err)
	}
}

// An engine that keeps no compiled code says so. Package engine/wazero has an example of one that does.
func ExampleExport() {
	ctx := context.Background()
	eng, err := engine.Open(ctx, "nap", engine.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer eng.Close()
	fmt.Println(engine.Export(ctx, eng, engine.FromBytes([]byte("\x00asm\x01\x00\x00\x00")), "/run/code"))
	// Output: nap: export: engine: nap cannot export compiled code: it keeps none
}
