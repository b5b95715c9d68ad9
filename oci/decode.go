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

// decodeSpec parses data, the content of the file called name, into spec, which is empty, and returns the fields that spec has
// no place for. It walks the tokens beside the types and fills what it meets. encoding/json takes a field in any case and a
// field twice, replaces bytes that are not UTF-8, names neither array index nor line in its errors, and looks at every type of
// runtime-spec before the first byte, which takes a program that reads one file longer than all else that it does.
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
	if err := r.value(reflect.ValueOf(spec).Elem(), ""); err != nil {
		return nil, fail(r.offset, r.field, err)
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

// value reads one value into v, which is zero and has to have a type that the value fits. null fits every type and leaves v as
// it is, as in encoding/json.
func (r *specReader) value(v reflect.Value, field string) error {
	r.field = field
	if v.Kind() == reflect.Interface {
		whatever, err := r.skip()
		if err != nil {
			return err
		}
		return json.Unmarshal(whatever, v.Addr().Interface())
	}
	tok, err := r.token()
	if err != nil || tok == nil && field != "" {
		return err
	}
	for v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	fits, found := false, ""
	switch tok := tok.(type) {
	case nil:
		found = "null"
	case string:
		if fits, found = v.Kind() == reflect.String, "a string"; fits {
			v.SetString(tok)
		}
	case bool:
		if fits, found = v.Kind() == reflect.Bool, "a boolean"; fits {
			v.SetBool(tok)
		}
	case json.Number:
		fits, found = setNumber(v, tok.String()), "the number "+shorten(tok.String())
	case json.Delim:
		switch {
		case tok == '[' && v.Kind() == reflect.Slice:
			return r.array(v, field)
		case tok == '[':
			found = "an array"
		case v.Kind() == reflect.Struct || v.Kind() == reflect.Map:
			return r.object(v, field)
		default:
			found = "an object"
		}
	}
	if !fits {
		return fmt.Errorf("is %s, not %s", found, kindInWords(v.Type()))
	}
	return nil
}

// skip returns a value that no type is known of.
func (r *specReader) skip() (json.RawMessage, error) {
	var whatever json.RawMessage
	err := r.dec.Decode(&whatever)
	return whatever, err
}

func (r *specReader) array(v reflect.Value, field string) error {
	v.Set(reflect.MakeSlice(v.Type(), 0, 0)) // a list that is there but empty is not nil
	for i := 0; r.dec.More(); i++ {
		v.Grow(1)
		v.SetLen(i + 1)
		if err := r.value(v.Index(i), field+"["+strconv.Itoa(i)+"]"); err != nil {
			return err
		}
	}
	_, err := r.token()
	return err
}

func (r *specReader) object(v reflect.Value, field string) error {
	t := v.Type()
	if t.Kind() == reflect.Map {
		v.Set(reflect.MakeMap(t))
	}
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
		var next reflect.Value
		if t.Kind() == reflect.Map {
			next = reflect.New(t.Elem()).Elem()
		} else if f, ok := r.jsonField(t, key); !ok {
			r.unknown = append(r.unknown, r.field)
			if _, err := r.skip(); err != nil {
				return err
			}
			continue
		} else if name := jsonName(f); name != key {
			return fmt.Errorf("is spelled %q in runtime-spec", name)
		} else {
			next = v.FieldByIndex(f.Index)
		}
		if err := r.value(next, r.field); err != nil {
			return err
		}
		if t.Kind() == reflect.Map {
			v.SetMapIndex(reflect.ValueOf(key).Convert(t.Key()), next)
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

// setNumber says whether s is a number of v's type, which v then is.
func setNumber(v reflect.Value, s string) bool {
	switch {
	case v.CanInt():
		n, err := strconv.ParseInt(s, 10, v.Type().Bits())
		v.SetInt(n)
		return err == nil
	case v.CanUint():
		n, err := strconv.ParseUint(s, 10, v.Type().Bits())
		v.SetUint(n)
		return err == nil
	}
	return false
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
