package engine

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/wasmoci/wasmoci/wasi"
)

// emptyRegistry gives the test a registry of its own.
func emptyRegistry(t *testing.T, drivers ...Driver) {
	t.Helper()
	registry.Lock()
	old := registry.drivers
	registry.drivers = nil
	registry.Unlock()
	t.Cleanup(func() {
		registry.Lock()
		defer registry.Unlock()
		registry.drivers = old
	})
	for _, d := range drivers {
		Register(d)
	}
}

var errOpened = errors.New("opened")

// available is a driver whose Open returns errOpened.
func available(name string, caps ...Capability) Driver {
	return Driver{
		Name:         name,
		Capabilities: FormatCapabilities{wasi.FormatModule: NewCapabilities(caps...)},
		Open:         func(context.Context, Options) (Engine, error) { return nil, errOpened },
	}
}

func unavailable(name string) Driver {
	return Driver{Name: name, Native: true, Unavailable: &NotBuiltError{Engine: name, Tag: name, CGO: true}}
}

func native(d Driver) Driver {
	d.Native = true
	return d
}

func names(drivers []Driver) string {
	var list []string
	for _, d := range drivers {
		list = append(list, d.Name)
	}
	return strings.Join(list, " ")
}

func TestRegisterPanics(t *testing.T) {
	open := available("x").Open
	for name, tt := range map[string]struct {
		drivers []Driver
		says    string
	}{
		"no name":        {[]Driver{{Open: open}}, "driver without a name"},
		"neither":        {[]Driver{{Name: "x"}}, "x: set exactly one of Open and Unavailable"},
		"both":           {[]Driver{{Name: "x", Open: open, Unavailable: errOpened}}, "x: set exactly one of Open and Unavailable"},
		"twice":          {[]Driver{available("x"), available("x")}, "x is registered twice"},
		"two and a stub": {[]Driver{available("x"), unavailable("x"), available("x")}, "x is registered twice"},
	} {
		t.Run(name, func(t *testing.T) {
			emptyRegistry(t)
			defer func() {
				if said, _ := recover().(string); !strings.HasSuffix(said, tt.says) {
					t.Errorf("panicked with %q, want %q", said, tt.says)
				}
			}()
			for _, d := range tt.drivers {
				Register(d)
			}
		})
	}
}

func TestRegisterGivesWay(t *testing.T) {
	for name, drivers := range map[string][]Driver{
		"stub first": {unavailable("x"), available("x")},
		"stub last":  {available("x"), unavailable("x")},
		"two stubs":  {unavailable("x"), unavailable("x"), available("x")},
	} {
		t.Run(name, func(t *testing.T) {
			emptyRegistry(t, drivers...)
			if d, ok := Lookup("x"); !ok || d.Open == nil {
				t.Errorf("found %+v, %v; want the driver that can be opened", d, ok)
			}
			if got := names(List()); got != "x" {
				t.Errorf("the list is %q", got)
			}
		})
	}
}

func TestListOrder(t *testing.T) {
	emptyRegistry(t, unavailable("wasmtime"), available("zebra"), native(available("beta")), available("alpha"))
	if got, want := names(List()), "alpha zebra beta wasmtime"; got != want {
		t.Errorf("the list is %q, want %q: pure Go first, then by name", got, want)
	}
	if d, ok := Lookup("nobody"); ok {
		t.Errorf("found %+v", d)
	}
}

func TestOpen(t *testing.T) {
	for name, tt := range map[string]struct {
		drivers []Driver
		want    string
		is      error
		status  int
	}{
		"no engine at all": {
			nil, `engine: unknown engine "x": none is registered (forgotten import?)`, nil, 126,
		},
		"unknown": {
			[]Driver{available("b"), available("a")},
			`engine: unknown engine "x": registered are a, b (forgotten import?)`, nil, 126,
		},
		"not built": {
			[]Driver{unavailable("x"), available("a")},
			"engine: x is not built into this program; it needs -tags x with CGO_ENABLED=1", ErrNotBuilt, 126,
		},
		"opened": {[]Driver{available("x")}, "opened", errOpened, 125},
	} {
		t.Run(name, func(t *testing.T) {
			emptyRegistry(t, tt.drivers...)
			_, err := Open(t.Context(), "x", Options{})
			if err == nil || err.Error() != tt.want || tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
			if got := ExitCode(err); got != tt.status {
				t.Errorf("exit status %d, want %d", got, tt.status)
			}
		})
	}
}

func TestNotBuiltError(t *testing.T) {
	for want, e := range map[string]*NotBuiltError{
		"engine: x is not built into this program":                                                 {Engine: "x"},
		"engine: x is not built into this program; it needs -tags x":                               {Engine: "x", Tag: "x"},
		"engine: x is not built into this program; it needs -tags x with CGO_ENABLED=1 and libx 2": {Engine: "x", Tag: "x", CGO: true, Library: "libx 2"},
		"engine: x is not built into this program: y is there, too; it needs -tags x":              {Engine: "x", Tag: "x", Reason: "y is there, too"},
	} {
		if got := e.Error(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if !errors.Is(e, ErrNotBuilt) || !errors.Is(e, errors.ErrUnsupported) {
			t.Errorf("%v is not ErrNotBuilt and errors.ErrUnsupported", e)
		}
	}
}

func TestSelect(t *testing.T) {
	all := NewCapabilities(Mounts, Interrupt)
	for name, tt := range map[string]struct {
		drivers []Driver
		format  wasi.Format
		prefer  []string
		want    string
		err     string
	}{
		"first of the list": {
			[]Driver{native(available("a", Mounts, Interrupt)), available("b", Mounts, Interrupt)}, wasi.FormatModule, nil, "b", "",
		},
		"preferred": {
			[]Driver{native(available("a", Mounts, Interrupt)), available("b", Mounts, Interrupt)}, wasi.FormatModule, []string{"a"}, "a", "",
		},
		"preferred cannot": {
			[]Driver{available("a", Mounts), available("b", Mounts, Interrupt, Streams)}, wasi.FormatModule, []string{"a"}, "b", "",
		},
		"second preference": {
			[]Driver{available("a", Mounts), unavailable("b"), available("c", Mounts, Interrupt), available("d", Mounts, Interrupt)},
			wasi.FormatModule,
			[]string{"a", "b", "d"},
			"d", "",
		},
		"unknown preference": {
			[]Driver{available("a", Mounts, Interrupt)},
			wasi.FormatModule,
			[]string{"z"},
			"",
			`engine: unknown engine "z": registered are a (forgotten import?)`,
		},
		"none": {
			nil, wasi.FormatModule, nil, "", "engine: no engine is registered (forgotten import?)",
		},
		"none will do": {
			[]Driver{available("a", Mounts), unavailable("b")},
			wasi.FormatModule, nil, "",
			"engine: no engine can run this module:" +
				"\n\ta: engine: a has not what this run needs for format module: interrupt (ending the guest when its context ends); no engine in this program can" +
				"\n\tb: engine: b is not built into this program; it needs -tags b with CGO_ENABLED=1",
		},
		"format": {
			[]Driver{available("a", Mounts, Interrupt)},
			wasi.FormatComponent, nil, "",
			"engine: no engine can run this component:\n\ta: engine: a does not run the format component; no engine in this program can",
		},
	} {
		t.Run(name, func(t *testing.T) {
			emptyRegistry(t, tt.drivers...)
			d, err := Select(tt.format, all, tt.prefer...)
			if d.Name != tt.want {
				t.Errorf("selected %q, want %q", d.Name, tt.want)
			}
			if (err == nil) != (tt.err == "") || err != nil && err.Error() != tt.err {
				t.Errorf("got  %v\nwant %s", err, tt.err)
			}
			if err != nil && ExitCode(err) != 126 {
				t.Errorf("exit status %d, want 126", ExitCode(err))
			}
		})
	}
	t.Run("reasons", func(t *testing.T) {
		emptyRegistry(t, available("a", Mounts), unavailable("b"))
		_, err := Select(wasi.FormatModule, all)
		var refused *SelectError
		if !errors.As(err, &refused) || len(refused.Refused) != 2 || !errors.Is(err, ErrNotBuilt) {
			t.Fatalf("got %v, want a *SelectError with two reasons", err)
		}
		var unsupported *UnsupportedError
		if !errors.As(err, &unsupported) || !slices.Equal(unsupported.Missing.List(), []Capability{Interrupt}) {
			t.Errorf("got %v, want an *UnsupportedError for interrupt", err)
		}
	})
}
