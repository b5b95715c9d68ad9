package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"
	"time"

	"github.com/wasmoci/wasmoci/wasi"
)

type statusError int

func (e statusError) Error() string   { return fmt.Sprint("status ", int(e)) }
func (e statusError) ExitStatus() int { return int(e) }

func stoppedBy(cause error) error {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(cause)
	return Stopped(ctx)
}

func TestExitCode(t *testing.T) {
	expired, cancel := context.WithTimeout(t.Context(), -time.Second)
	defer cancel()
	for name, tt := range map[string]struct {
		err  error
		want int
	}{
		"nil":                        {nil, 0},
		"exit 1":                     {&ExitError{1}, 1},
		"exit 255":                   {&ExitError{255}, 255},
		"exit 256":                   {&ExitError{256}, 255},
		"exit 257":                   {&ExitError{257}, 1},
		"exit 300":                   {&ExitError{300}, 44},
		"exit 65536":                 {&ExitError{65536}, 255},
		"exit 0xffffffff":            {&ExitError{0xffffffff}, 255},
		"wrapped exit":               {&Error{"e", "run", &ExitError{7}}, 7},
		"trap":                       {&TrapError{Kind: TrapUnreachable}, 134},
		"wrapped trap":               {fmt.Errorf("x: %w", &TrapError{Kind: TrapOther}), 134},
		"a trap's kind alone":        {TrapUnreachable, 125},
		"cancelled":                  {stoppedBy(nil), 137},
		"deadline":                   {Stopped(expired), 137},
		"signal 15":                  {stoppedBy(Signal(15)), 143},
		"signal 9, wrapped":          {&Error{"e", "run", stoppedBy(fmt.Errorf("kill: %w", Signal(9)))}, 137},
		"signal 2, wrapped":          {stoppedBy(fmt.Errorf("kill: %w", Signal(2))), 130},
		"another cause":              {stoppedBy(errors.New("shutting down")), 137},
		"a cause's status":           {stoppedBy(statusError(3)), 3},
		"a cause's status of 0":      {stoppedBy(statusError(0)), 137},
		"a cause's status of 256":    {stoppedBy(statusError(256)), 137},
		"a cause's negative status":  {stoppedBy(statusError(-1)), 137},
		"a signal beyond all":        {stoppedBy(Signal(200)), 137},
		"a status of 0":              {fmt.Errorf("x: %w", statusError(0)), 125},
		"a status of 256":            {statusError(256), 125},
		"a negative status":          {statusError(-1), 125},
		"a status of 0, cancelled":   {errors.Join(statusError(0), context.Canceled), 137},
		"an invalid config":          {(&wasi.Config{Dir: "x"}).Validate(), 126},
		"a mount that is not there":  {&wasi.FieldError{Err: &fs.PathError{Op: "open", Path: "x", Err: syscall.ENOENT}}, 125},
		"context.Canceled":           {context.Canceled, 137},
		"context.DeadlineExceeded":   {fmt.Errorf("x: %w", context.DeadlineExceeded), 137},
		"any status":                 {fmt.Errorf("x: %w", statusError(127)), 127},
		"status in a join":           {errors.Join(errors.New("x"), statusError(126)), 126},
		"unknown engine":             {&UnknownEngineError{}, 126},
		"not built":                  {&NotBuiltError{}, 126},
		"unsupported":                {&UnsupportedError{}, 126},
		"no engine":                  {&SelectError{}, 126},
		"invalid module":             {&InvalidModuleError{Err: fs.ErrNotExist}, 126},
		"too large":                  {&TooLargeError{}, 126},
		"missing import":             {&MissingImportError{}, 126},
		"missing export":             {&MissingExportError{}, 126},
		"signature":                  {&SignatureError{}, 126},
		"memory limit":               {&MemoryLimitError{}, 126},
		"closed":                     {ErrClosed, 125},
		"a file that does not exist": {&fs.PathError{Op: "open", Path: "x", Err: fs.ErrNotExist}, 125},
		"anything":                   {errors.New("x"), 125},
	} {
		t.Run(name, func(t *testing.T) {
			if got := ExitCode(tt.err); got != tt.want {
				t.Errorf("the exit status of %v is %d, want %d", tt.err, got, tt.want)
			}
		})
	}
}

func TestTrapError(t *testing.T) {
	for want, e := range map[string]*TrapError{
		"trap: unreachable":                                 {Kind: TrapUnreachable, Backtrace: "f\ng"},
		"trap: integer overflow: in division":               {Kind: TrapIntegerOverflow, Message: "in division"},
		"trap: a message of the engine's own":               {Kind: TrapOther, Message: "a message of the engine's own"},
		"trap: other":                                       {Kind: TrapOther},
		"trap: indirect call to a function of another type": {Kind: TrapSignatureMismatch},
	} {
		if got := e.Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if !errors.Is(fmt.Errorf("x: %w", e), e.Kind) || errors.Is(e, TrapConversion) {
			t.Errorf("%v does not match its kind alone", e)
		}
	}
}

func TestStoppedError(t *testing.T) {
	err := fmt.Errorf("x: %w", stoppedBy(Signal(15)))
	if !errors.Is(err, context.Canceled) || !errors.Is(err, Signal(15)) || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v does not match the context's error and its cause alone", err)
	}
	if got, want := err.Error(), "x: stopped: signal 15"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestErrorTexts(t *testing.T) {
	for want, err := range map[string]error{
		"wazero: run: exit status 7": &Error{"wazero", "run", &ExitError{7}},
		"engine: a.wasm has 2 bytes, more than the limit of 1 (Options.MaxModuleBytes)":                                                                                               &TooLargeError{"a.wasm", 2, 1},
		`engine: the guest imports func "env" "f", which this host does not provide: build the guest for wasip1 (wasi_snapshot_preview1)`:                                             &MissingImportError{Module: "env", Name: "f", Kind: "func", Type: "() -> ()"},
		`engine: the guest imports resource wasi:http/types@0.2.0 fields, which this host does not provide: build the guest for the world wasi:cli/command of WASI 0.2 (wasip2)`:      &MissingImportError{Module: "wasi:http/types@0.2.0", Name: "fields", Kind: "resource"},
		`engine: the guest imports func wasi:cli/exit@0.2.0 exit as () -> (), the host has it as (result) -> (): build the guest for the world wasi:cli/command of WASI 0.2 (wasip2)`: &MissingImportError{Module: "wasi:cli/exit@0.2.0", Name: "exit", Kind: "func", Type: "() -> ()", Want: "(result) -> ()"},
		`engine: the guest imports func "w" "f" as () -> (), the host has it as (i32) -> (): rebuild the guest for wasi_snapshot_preview1`:                                            &MissingImportError{Module: "w", Name: "f", Kind: "func", Type: "() -> ()", Want: "(i32) -> ()"},
		"engine: no engine is registered (forgotten import?)":                                                                                                                         &SelectError{},
	} {
		if got := err.Error(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
