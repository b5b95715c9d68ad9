package oci

import "testing"

// TestEdit: what is added is inside, whatever there is already and whatever is around it.
func TestEdit(t *testing.T) {
	for text, want := range map[string]string{
		"{}":                              `{"args":["a"],"b":1}`,
		" \n{ }\r\n\t ":                   " \n{ \"args\":[\"a\"],\"b\":1}\r\n\t ",
		`{"c":"}","x":{"b":2}} `:          `{"c":"}","x":{"b":2},"args":["a"],"b":1} `,
		`{"\u0062" : [ "b" ], "d": null}`: `{"\u0062" : 1, "d": null,"args":["a"]}`,
		`{"b":null,"args" :{"args":2} }`:  `{"b":1,"args" :["a"] }`,
	} {
		e := &editor{text: text}
		top := e.top()
		e.set(top, "args", []string{"a"})
		e.set(top, "b", 1)
		if got, err := e.edited(); err != nil || string(got) != want {
			t.Errorf("%q became %q, %v, want %q", text, got, err, want)
		}
	}
}
