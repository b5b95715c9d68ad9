package oci

import (
	"encoding"
	"fmt"
	"testing"
)

// TestNames: every value of the enumerations goes to text and back, and nothing else does.
func TestNames(t *testing.T) {
	for _, all := range [][]encoding.TextMarshaler{
		{Rejected, Granted, Enforced, Limited, Ignored},
		{Entered, Direct},
		{Refused, Wasm, Native},
		{Auto, Annotated, Content},
	} {
		for _, v := range all {
			text, err := v.MarshalText()
			if err != nil || string(text) != fmt.Sprint(v) {
				t.Errorf("%#v: %s, %v", v, text, err)
			}
			var back encoding.TextMarshaler
			switch v.(type) {
			case Verdict:
				back, err = unmarshal[Verdict](text)
			case Where:
				back, err = unmarshal[Where](text)
			case Kind:
				back, err = unmarshal[Kind](text)
			case Policy:
				back, err = unmarshal[Policy](text)
			}
			if back != v || err != nil {
				t.Errorf("%s: got %v, %v", text, back, err)
			}
		}
	}
	for _, bad := range []string{"", "nonsense", "unset", "verdict(9)"} {
		for name, err := range map[string]error{
			"Verdict": new(Verdict).UnmarshalText([]byte(bad)), "Where": new(Where).UnmarshalText([]byte(bad)),
			"Kind": new(Kind).UnmarshalText([]byte(bad)), "Policy": new(Policy).UnmarshalText([]byte(bad)),
		} {
			if err == nil {
				t.Errorf("%s takes %q", name, bad)
			}
		}
	}
	if got := fmt.Sprint(Verdict(9), Where(9), Kind(9), Policy(9), Where(0)); got != "verdict(9) where(9) kind(9) policy(9) unset" {
		t.Error(got)
	}
}

func unmarshal[T any, P interface {
	*T
	encoding.TextUnmarshaler
}](text []byte) (T, error) {
	var v T
	err := P(&v).UnmarshalText(text)
	return v, err
}
