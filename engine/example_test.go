package engine_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/wasi"
)

// nap is an engine whose guests only ever exit with 3: what a driver has to bring, and no more.
type nap struct{}

var napCapabilities = engine.FormatCapabilities{wasi.FormatModule: engine.NewCapabilities(engine.Streams)}

func openNap(context.Context, engine.Options) (engine.Engine, error) { return nap{}, nil }

func init() {
	engine.Register(engine.Driver{Name: "nap", Capabilities: napCapabilities, Open: openNap})
}

func (nap) Info() engine.Info {
	return engine.Info{Name: "nap", Version: "1.0.0", Capabilities: napCapabilities}
}

func (nap) Compile(_ context.Context, src engine.Source) (engine.Module, error) {
	content, err := src.Load(engine.DefaultMaxModuleBytes)
	if err != nil {
		return nil, err
	}
	if content.Format != wasi.FormatModule {
		return nil, engine.RefuseFormat("nap", content.Format)
	}
	start := engine.Extern{Name: engine.StartFunction, Kind: "func", Type: engine.EntrypointType}
	return napModule{engine.ModuleInfo{
		Engine: "nap", Name: src.Name(), Format: content.Format, World: engine.WorldCommand,
		Digest: content.DigestString(), Size: int64(len(content.Bytes)),
		Exports: []engine.Extern{start}, Capabilities: napCapabilities[content.Format],
	}}, nil
}

func (nap) Close() error { return nil }

type napModule struct{ info engine.ModuleInfo }

func (m napModule) Info() engine.ModuleInfo { return m.info }

func (m napModule) Start(ctx context.Context, cfg *wasi.Config) (engine.Instance, error) {
	if err := engine.Check(ctx, m.info, cfg); err != nil {
		return nil, err
	}
	return napInstance{}, nil
}

func (m napModule) Close() error { return nil }

type napInstance struct{}

func (napInstance) Wait() error         { return &engine.ExitError{Code: 3} }
func (napInstance) Stats() engine.Stats { return engine.Stats{} }

func Example() {
	ctx := context.Background()
	eng, err := engine.Open(ctx, "nap", engine.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer eng.Close()

	m, err := eng.Compile(ctx, engine.FromBytes([]byte("\x00asm\x01\x00\x00\x00")))
	if err != nil {
		fmt.Println(err)
		return
	}
	err = engine.Run(ctx, m, &wasi.Config{Args: []string{"guest"}})
	fmt.Println("ended:", err)
	fmt.Println("exit status of the container:", engine.ExitCode(err))

	// What the engine has not is refused before the guest runs.
	err = engine.Run(ctx, m, &wasi.Config{Mounts: []wasi.Mount{{Guest: "/data", Host: "/srv/data"}}})
	fmt.Println(err)
	fmt.Println(errors.Is(err, errors.ErrUnsupported), engine.ExitCode(err))
	// Output:
	// ended: exit status 3
	// exit status of the container: 3
	// engine: nap has not what this run needs for format module: mounts (mounts); no engine in this program can
	// true 126
}

func ExampleSelect() {
	_, err := engine.Select(wasi.FormatModule, engine.NewCapabilities(engine.Interrupt))
	fmt.Println(err)
	d, err := engine.Select(wasi.FormatModule, engine.NewCapabilities(engine.Streams), "nap")
	fmt.Println(d.Name, err)
	// Output:
	// engine: no engine can run this module:
	// 	nap: engine: nap has not what this run needs for format module: interrupt (ending the guest when its context ends); no engine in this program can
	// nap <nil>
}
