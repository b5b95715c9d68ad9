package engine

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/wasmoci/wasmoci/wasi"
)

func TestCapabilities(t *testing.T) {
	c := NewCapabilities(Streams, Mounts, Streams, Interrupt)
	if got, want := c.String(), "interrupt,mounts,streams"; got != want {
		t.Errorf("the set is %q, want %q", got, want)
	}
	if !c.Has(Mounts) || c.Has(Listeners) || c.Empty() || !(Capabilities{}).Empty() {
		t.Error("Has or Empty is wrong")
	}
	if got := c.Missing(NewCapabilities(Listeners, Mounts, Entrypoint)).String(); got != "entrypoint,listeners" {
		t.Errorf("missing are %q", got)
	}
	if got := c.With(Listeners, Mounts).String(); got != "interrupt,listeners,mounts,streams" {
		t.Errorf("with more the set is %q", got)
	}
	if got := c.Without(Mounts, Listeners).String(); got != "interrupt,streams" {
		t.Errorf("without some the set is %q", got)
	}
	c.List()[0] = Listeners
	if got, want := c.String(), "interrupt,mounts,streams"; got != want {
		t.Errorf("the set has changed to %q", got)
	}
}

// TestCapabilityNames holds the stable names.
func TestCapabilityNames(t *testing.T) {
	want := "entrypoint interrupt memory-limit workdir streams listeners mounts mount-readonly mount-open mount-file mount-nested " +
		"mount-hidden mount-tmpfs uninterruptible"
	var got []string
	for _, c := range AllCapabilities() {
		got = append(got, string(c))
		if words := c.Describe(); words == "" || words == string(c) && c != Mounts {
			t.Errorf("%s is described as %q", c, words)
		}
	}
	if strings.Join(got, " ") != want {
		t.Errorf("the names are %q, want %q", got, want)
	}
	if got := Capability("teleport").Describe(); got != "teleport" {
		t.Errorf("an unknown capability is described as %q", got)
	}
	AllCapabilities()[0] = "changed"
	if AllCapabilities()[0] != Entrypoint {
		t.Error("a caller can change the list")
	}
}

func TestCapabilitiesText(t *testing.T) {
	for text, want := range map[string]struct {
		set, err string
	}{
		"":                       {"", ""},
		"mounts":                 {"mounts", ""},
		"streams,mounts,streams": {"mounts,streams", ""},
		",mounts,":               {"mounts", ""},
		"teleport":               {"", `engine: unknown capability "teleport"`},
		"mounts, streams":        {"", `engine: unknown capability " streams"`},
	} {
		var c Capabilities
		err := c.UnmarshalText([]byte(text))
		if c.String() != want.set || (err == nil) != (want.err == "") || err != nil && err.Error() != want.err {
			t.Errorf("%q is %q, %v; want %q, %s", text, c, err, want.set, want.err)
		}
	}
}

func TestCapabilitiesJSON(t *testing.T) {
	for _, tt := range []struct {
		set  Capabilities
		want string
	}{
		{Capabilities{}, `[]`},
		{NewCapabilities(), `[]`},
		{NewCapabilities(Streams, Mounts), `["mounts","streams"]`},
	} {
		b, err := json.Marshal(tt.set)
		if err != nil || string(b) != tt.want {
			t.Errorf("%v is %s, %v; want %s", tt.set, b, err, tt.want)
		}
		var back Capabilities
		if err := json.Unmarshal(b, &back); err != nil || back.String() != tt.set.String() {
			t.Errorf("%s is %v, %v; want %v", b, back, err, tt.set)
		}
	}
	for _, bad := range []string{`["teleport"]`, `"mounts"`, `[1]`} {
		c := NewCapabilities(Mounts)
		if err := json.Unmarshal([]byte(bad), &c); err == nil {
			t.Errorf("%s is %v", bad, c)
		} else if c.String() != "mounts" {
			t.Errorf("%s was refused and has changed the set to %v", bad, c)
		}
	}
	b, err := json.Marshal(FormatCapabilities{wasi.FormatModule: NewCapabilities(Mounts)})
	if want := `{"module":["mounts"]}`; err != nil || string(b) != want {
		t.Errorf("got %s, %v; want %s", b, err, want)
	}
}

func FuzzCapabilitiesText(f *testing.F) {
	for _, c := range AllCapabilities() {
		f.Add(string(c))
	}
	f.Add("streams,mounts,streams")
	f.Add(",,,")
	f.Add("teleport,\x00")
	f.Fuzz(func(t *testing.T, text string) {
		var c Capabilities
		if err := c.UnmarshalText([]byte(text)); err != nil {
			if !c.Empty() {
				t.Errorf("refused with %v, and the set is %v", err, c)
			}
			return
		}
		for _, name := range c.List() {
			if !slices.Contains(AllCapabilities(), name) || !strings.Contains(text, string(name)) {
				t.Errorf("%q has the member %q", text, name)
			}
		}
		written, err := c.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var again Capabilities
		if err := again.UnmarshalText(written); err != nil || !slices.Equal(again.List(), c.List()) {
			t.Errorf("%q is %v, written %q, read again %v, %v", text, c, written, again, err)
		}
	})
}
