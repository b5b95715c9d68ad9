package oci

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// decodeSpec parses data, the content of the file called name, into spec and returns the fields that spec has no place
// for. It walks the tokens beside the types before encoding/json fills the spec, because encoding/json takes a field in
// any case and a field twice, replaces bytes that are not UTF-8, and names neither array index nor line in its errors.
func decodeSpec(name string, data []byte, spec *specs.Spec) (unknown []string, err error) {
	fail := func(offset int, field string, err error) error {
		before := data[:max(0, min(offset, len(data)))]
		return &ConfigError{
			File: name, Line: 1 + bytes.Count(before, []byte("\n")), Column: len(before) - bytes.LastIndexByte(before, '\n'),
			Field: field, Err: err,
		}
	}
	if valid := bytes.ToValidUTF8(data, nil); len(valid) != len(data) {
		offset := 0
		for offset < len(valid) && valid[offset] == data[offset] {
			offset++
		}
		return nil, fail(offset, "", errors.New("is not UTF-8"))
	}
	var raw json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return nil, fail(int(syntax.Offset)-1, "", err)
		}
		return nil, fail(len(data), "", err)
	}
	r := specReader{data: data, dec: json.NewDecoder(bytes.NewReader(data)), fields: map[reflect.Type][]reflect.StructField{}}
	r.dec.UseNumber()
	if err := r.value(reflect.TypeFor[specs.Spec](), ""); err != nil {
		return nil, fail(r.offset, r.field, err)
	}
	if err := json.Unmarshal(data, spec); err != nil {
		return nil, fail(len(data), "", err)
	}
	return r.unknown, nil
}

// specReader walks JSON that is known to be well formed.
type specReader struct {
	data    []byte
	dec     *json.Decoder
	field   string   // path of the value that is being read
	offset  int      // where its last token starts
	unknown []string // paths of the fields no type has
	fields  map[reflect.Type][]reflect.StructField
}

func (r *specReader) token() (json.Token, error) {
	r.offset = int(r.dec.InputOffset())
	for r.offset < len(r.data) && strings.IndexByte(" \t\r\n,:", r.data[r.offset]) >= 0 {
		r.offset++
	}
	return r.dec.Token()
}

// value reads one value, which has to fit t; nil fits everything, as in encoding/json.
func (r *specReader) value(t reflect.Type, field string) error {
	if t.Kind() == reflect.Interface {
		var whatever json.RawMessage
		return r.dec.Decode(&whatever)
	}
	r.field = field
	tok, err := r.token()
	if err != nil || tok == nil && field != "" {
		return err
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	fits, found := false, ""
	switch v := tok.(type) {
	case nil:
		found = "null"
	case string:
		fits, found = t.Kind() == reflect.String, "a string"
	case bool:
		fits, found = t.Kind() == reflect.Bool, "a boolean"
	case json.Number:
		fits, found = fitsNumber(t, v.String()), "the number "+shorten(v.String())
	case json.Delim:
		switch {
		case v == '[' && t.Kind() == reflect.Slice:
			return r.array(t, field)
		case v == '[':
			found = "an array"
		case t.Kind() == reflect.Struct || t.Kind() == reflect.Map:
			return r.object(t, field)
		default:
			found = "an object"
		}
	}
	if !fits {
		return fmt.Errorf("is %s, not %s", found, kindInWords(t))
	}
	return nil
}

func (r *specReader) array(t reflect.Type, field string) error {
	for i := 0; r.dec.More(); i++ {
		if err := r.value(t.Elem(), field+"["+strconv.Itoa(i)+"]"); err != nil {
			return err
		}
	}
	_, err := r.token()
	return err
}

func (r *specReader) object(t reflect.Type, field string) error {
	seen := map[string]bool{}
	for r.dec.More() {
		tok, err := r.token()
		if err != nil {
			return err
		}
		key := tok.(string) // well formed JSON has nothing else here
		switch {
		case t.Kind() == reflect.Map:
			r.field = field + "[" + key + "]"
		case key == "":
			r.field = strings.TrimPrefix(field+`.""`, ".")
		case field == "":
			r.field = key
		default:
			r.field = field + "." + key
		}
		if seen[key] {
			return errors.New("is there twice: keep one")
		}
		seen[key] = true
		next := reflect.TypeFor[any]()
		if t.Kind() == reflect.Map {
			next = t.Elem()
		} else if f, ok := r.jsonField(t, key); !ok {
			r.unknown = append(r.unknown, r.field)
		} else if name := jsonName(f); name != key {
			return fmt.Errorf("is spelled %q in runtime-spec", name)
		} else {
			next = f.Type
		}
		if err := r.value(next, r.field); err != nil {
			return err
		}
	}
	_, err := r.token()
	return err
}

// jsonField finds the field of t that encoding/json would fill from key.
func (r *specReader) jsonField(t reflect.Type, key string) (reflect.StructField, bool) {
	fields, ok := r.fields[t]
	if !ok {
		fields = slices.DeleteFunc(reflect.VisibleFields(t), func(f reflect.StructField) bool { return f.Anonymous })
		r.fields[t] = fields
	}
	for _, f := range fields {
		if strings.EqualFold(jsonName(f), key) {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

func fitsNumber(t reflect.Type, s string) bool {
	var err error
	switch {
	case t.Kind() >= reflect.Int && t.Kind() <= reflect.Int64:
		_, err = strconv.ParseInt(s, 10, t.Bits())
	case t.Kind() >= reflect.Uint && t.Kind() <= reflect.Uint64:
		_, err = strconv.ParseUint(s, 10, t.Bits())
	default:
		return false
	}
	return err == nil
}

func kindInWords(t reflect.Type) string {
	switch k := t.Kind(); {
	case k == reflect.String:
		return "a string"
	case k == reflect.Bool:
		return "a boolean"
	case k == reflect.Slice:
		return "an array"
	case k == reflect.Struct || k == reflect.Map:
		return "an object"
	case k >= reflect.Uint && k <= reflect.Uint64:
		return fmt.Sprintf("an integer from 0 to %d", uint64(1)<<(t.Bits()-1)-1+uint64(1)<<(t.Bits()-1))
	}
	return fmt.Sprintf("an integer of %d bits", t.Bits())
}
