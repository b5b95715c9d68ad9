package oci

import "fmt"

// Verdict says what became of one field of a spec. The zero value is [Rejected], so that what nobody decided is
// refused. As text and in JSON it is its String.
type Verdict uint8

const (
	Rejected Verdict = iota // an error: it cannot be honoured, and without it the run would be less safe or another one
	Granted                 // the guest has what the field asks for
	Enforced                // the host sees to it, or it holds by the nature of a WebAssembly guest
	Limited                 // the guest has part of it, or has it in another form; the reason says which
	Ignored                 // it has no effect; the reason says why, and strict mode makes it an error
)

var verdictNames = [...]string{"rejected", "granted", "enforced", "limited", "ignored"}

// String returns "rejected", "granted", "enforced", "limited" or "ignored".
func (v Verdict) String() string {
	if int(v) < len(verdictNames) {
		return verdictNames[v]
	}
	return fmt.Sprintf("verdict(%d)", uint8(v))
}

// MarshalText implements [encoding.TextMarshaler].
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler]. An unknown name is an error.
func (v *Verdict) UnmarshalText(text []byte) error {
	for i, n := range verdictNames {
		if n == string(text) {
			*v = Verdict(i)
			return nil
		}
	}
	return fmt.Errorf("oci: unknown verdict %q", text)
}

// Entry is one line of a plan's account. An entry for a field speaks for everything below it that has no entry of its
// own: "mounts[2]" for the mount's type, source and options.
type Entry struct {
	// Field is the path of the field in the runtime-spec's JSON names, "process.cwd" or "mounts[2].options[0]".
	Field string `json:"field"`
	// Verdict is what became of it.
	Verdict Verdict `json:"verdict"`
	// Reason says why, in words for the spec's author.
	Reason string `json:"reason"`
}
