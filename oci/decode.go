package oci

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf16"
	"unicode/utf8"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// decodeSpec parses data, the content of the file called name, into spec, which is empty, and returns the fields that spec has
// no place for. It walks the text beside the types and fills what it meets. encoding/json takes a field in any case and a
// field twice, replaces bytes that are not UTF-8, names neither array index nor line in its errors, and looks at every type of
// runtime-spec before the first byte, which takes a program that reads one file longer than all else that it does.
func decodeSpec(name, data string, spec *specs.Spec) (unknown []string, err error) {
	fail := func(offset int, field string, err error) error {
		before := data[:max(0, min(offset, len(data)))]
		return &ConfigError{
			File: name, Line: 1 + strings.Count(before, "\n"), Column: len(before) - strings.LastIndexByte(before, '\n'),
			Field: field, Err: err,
		}
	}
	if !utf8.ValidString(data) {
		offset := 0
		for valid := strings.ToValidUTF8(data, ""); offset < len(valid) && valid[offset] == data[offset]; {
			offset++
		}
		return nil, fail(offset, "", errors.New("is not UTF-8"))
	}
	r := specReader{text: data}
	if rerr := r.read(spec); rerr != nil {
		err := json.Unmarshal([]byte(data), new(json.RawMessage)) // what is no JSON at all is the first to be told
		var syntax *json.SyntaxError
		switch {
		case errors.As(err, &syntax):
			return nil, fail(int(syntax.Offset)-1, "", err)
		case err != nil:
			return nil, fail(len(data), "", err)
		}
		return nil, fail(r.offset, r.field(), rerr)
	}
	return r.unknown, nil
}

// specReader walks JSON.
type specReader struct {
	text    string   // parts of it are the strings that are read
	at      int      // where to read on
	offset  int      // where the last token starts
	path    []step   // to the value that is being read
	unknown []string // paths of the fields no type has
}

// errSyntax means that a text is no JSON.
var errSyntax = errors.New("is no JSON")

// maxDepth is how deep encoding/json goes.
const maxDepth = 10000

// read reads all of the text into spec, which is empty.
func (r *specReader) read(spec *specs.Spec) error {
	if err := r.value(reflect.ValueOf(spec).Elem()); err != nil {
		return err
	}
	if r.next(); r.at < len(r.text) {
		return errSyntax
	}
	return nil
}

// step leads into an array, a map or a struct.
type step struct {
	index int // in an array; negative: none
	key   string
	inMap bool
}

// field is the path in JSON names.
func (r *specReader) field() string {
	var b strings.Builder
	for _, s := range r.path {
		switch {
		case s.index >= 0:
			b.WriteString("[" + strconv.Itoa(s.index) + "]")
			continue
		case s.inMap:
			b.WriteString("[" + s.key + "]")
			continue
		case b.Len() > 0:
			b.WriteByte('.')
		}
		if s.key == "" {
			b.WriteString(`""`)
		}
		b.WriteString(s.key)
	}
	return b.String()
}

// byte returns the byte to read on at, and NUL, which is nowhere in JSON, at the end.
func (r *specReader) byte() byte {
	if r.at < len(r.text) {
		return r.text[r.at]
	}
	return 0
}

// next returns the first byte of the next token.
func (r *specReader) next() byte {
	for {
		switch c := r.byte(); c {
		case ' ', '\t', '\r', '\n':
			r.at++
		default:
			r.offset = r.at
			return c
		}
	}
}

// more says whether an object or array that ends with end has another member or element after n, and goes there, or behind the end.
func (r *specReader) more(end byte, n int) (bool, error) {
	switch c := r.next(); {
	case c == end:
		r.at++
		return false, nil
	case n == 0:
		return true, nil
	case c != ',':
		return false, errSyntax
	}
	r.at++
	r.next()
	return true, nil
}

// quoted reads a string.
func (r *specReader) quoted() (s string, err error) {
	if r.byte() != '"' {
		return "", errSyntax
	}
	escaped := false
	for r.at++; r.byte() != '"'; r.at++ {
		if r.byte() == '\\' {
			escaped = true
			r.at++
		}
		if r.byte() < ' ' {
			return "", errSyntax
		}
	}
	r.at++
	literal := r.text[r.offset:r.at]
	if !escaped {
		return literal[1 : len(literal)-1], nil
	}
	switch {
	case json.Unmarshal([]byte(literal), &s) != nil:
		return "", errSyntax
	case strings.Contains(s, "\x00"):
		return s, errNUL
	case hasHalf(literal):
		return s, errHalf
	}
	return s, nil
}

// What other readers take for another text: where it is a name, for that of another field.
var (
	errNUL  = errors.New("has a NUL, where the text ends for a runtime in C")
	errHalf = errors.New("has half of a surrogate pair, which is not UTF-8")
)

// hasHalf says whether a string, which is well formed, has half of a surrogate pair. encoding/json replaces that alone, and others what
// follows, too.
func hasHalf(literal string) bool {
	for i := strings.IndexByte(literal, '\\'); i >= 0; i = strings.IndexByte(literal, '\\') {
		first := unitOf(literal[i:])
		if !utf16.IsSurrogate(first) {
			literal = literal[i+2:] // digits are no escapes
			continue
		}
		literal = literal[i+6:]
		if utf16.DecodeRune(first, unitOf(literal)) == utf8.RuneError {
			return true
		}
		literal = literal[6:]
	}
	return false
}

// unitOf is the UTF-16 that literal begins with as an escape, -1 where it does not.
func unitOf(literal string) rune {
	digits, ok := strings.CutPrefix(literal, `\u`)
	if !ok {
		return -1
	}
	n, err := strconv.ParseUint(digits[:min(4, len(digits))], 16, 16)
	if err != nil {
		return -1
	}
	return rune(n)
}

// key reads the name of a member, and goes to its value.
func (r *specReader) key() (string, error) {
	key, err := r.quoted()
	if err != nil {
		return key, err
	}
	at := r.offset
	if r.next() != ':' {
		return "", errSyntax
	}
	r.at++
	r.offset = at
	return key, nil
}

// word reads what is to be a number, true, false or null; "" is none of them.
func (r *specReader) word() string {
	for strings.IndexByte(" \t\r\n,:]}\x00", r.byte()) < 0 {
		r.at++
	}
	return r.text[r.offset:r.at]
}

// skip returns a value that no type is known of. It finds the end of one that is JSON, and does not look whether it is.
func (r *specReader) skip() (string, error) {
	r.next()
	begin := r.offset
	for depth := 0; ; {
		var err error
		switch r.next() {
		case '{', '[':
			depth++
			r.at++
		case '}', ']':
			depth--
			r.at++
		case ',', ':':
			r.at++
		case '"':
			_, err = r.quoted()
		default:
			if r.word() == "" {
				err = errSyntax
			}
		}
		switch {
		case err != nil:
			return "", err
		case len(r.path)+depth > maxDepth:
			return "", errSyntax
		case depth <= 0:
			return r.text[begin:r.at], nil
		}
	}
}

// value reads one value into v, which is zero and has to have a type that the value fits. null fits every type but that of the
// whole, and leaves v as it is, as in encoding/json.
func (r *specReader) value(v reflect.Value) (err error) {
	if v.Kind() == reflect.Interface {
		whatever, err := r.skip()
		if err != nil {
			return err
		}
		return json.Unmarshal([]byte(whatever), v.Addr().Interface())
	}
	first := r.next()
	if first == 'n' && len(r.path) > 0 {
		if r.word() != "null" {
			return errSyntax
		}
		return nil
	}
	for v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	fits, found := false, ""
	switch first {
	case '{':
		if v.Kind() == reflect.Struct || v.Kind() == reflect.Map {
			return r.object(v)
		}
		found = "an object"
	case '[':
		if v.Kind() == reflect.Slice {
			return r.array(v)
		}
		found = "an array"
	case '"':
		if fits, found = v.Kind() == reflect.String, "a string"; fits {
			var s string
			s, err = r.quoted()
			v.SetString(s)
		}
	case 't', 'f':
		if fits, found = v.Kind() == reflect.Bool, "a boolean"; fits {
			word := r.word()
			if word != "true" && word != "false" {
				return errSyntax
			}
			v.SetBool(word == "true")
		}
	case 'n':
		found = "null"
	default:
		number := r.word()
		if !json.Valid([]byte(number)) {
			return errSyntax
		}
		fits, found = setNumber(v, number), "the number "+shorten(number)
	}
	if !fits {
		return fmt.Errorf("is %s, not %s", found, kindInWords(v.Type()))
	}
	return err
}

func (r *specReader) array(v reflect.Value) error {
	texts, _ := v.Addr().Interface().(*[]string) // most lists are of these, and need no reflection
	r.at++
	n := 0
	for ; ; n++ {
		if more, err := r.more(']', n); err != nil {
			return err
		} else if !more {
			break
		}
		if texts != nil && r.byte() == '"' {
			s, err := r.quoted()
			if err != nil {
				return err
			}
			*texts = append(*texts, s)
			continue
		}
		v.Grow(1)
		v.SetLen(n + 1)
		r.path = append(r.path, step{index: n})
		if err := r.value(v.Index(n)); err != nil {
			return err
		}
		r.path = r.path[:len(r.path)-1]
	}
	if n == 0 {
		v.Set(reflect.MakeSlice(v.Type(), 0, 0)) // a list that is there but empty is not nil
	}
	return nil
}

func (r *specReader) object(v reflect.Value) error {
	t := v.Type()
	isMap := t.Kind() == reflect.Map
	var fields []jsonField
	if isMap {
		v.Set(reflect.MakeMap(t))
	} else {
		fields = jsonFieldsOf(t)
	}
	seen := make([]bool, len(fields))
	var others map[string]bool // that were seen and are no fields
	r.at++
	for n := 0; ; n++ {
		if more, err := r.more('}', n); err != nil {
			return err
		} else if !more {
			return nil
		}
		key, err := r.key()
		r.path = append(r.path, step{-1, key, isMap})
		if err != nil {
			return err
		}
		field := jsonFieldNamed(fields, key)
		switch {
		case field >= 0 && fields[field].name != key:
			return fmt.Errorf("is spelled %q in runtime-spec", fields[field].name)
		case field >= 0 && seen[field] || others[key]:
			return errors.New("is there twice: keep one")
		case field >= 0:
			seen[field] = true
			err = r.value(v.FieldByIndex(fields[field].index))
		default:
			if others == nil {
				others = make(map[string]bool)
			}
			others[key] = true
			if isMap {
				next := reflect.New(t.Elem()).Elem()
				err = r.value(next)
				v.SetMapIndex(reflect.ValueOf(key).Convert(t.Key()), next)
			} else {
				r.unknown = append(r.unknown, r.field())
				var value string
				if value, err = r.skip(); err == nil && !json.Valid([]byte(value)) {
					err = errSyntax
				}
			}
		}
		if err != nil {
			return err
		}
		r.path = r.path[:len(r.path)-1]
	}
}

// jsonField is a field of a struct by its name in JSON.
type jsonField struct {
	name  string
	index []int
}

// jsonFields are the fields of each struct that was met.
var jsonFields sync.Map // of reflect.Type: []jsonField

// jsonFieldsOf returns the fields of t, and those of structs that are embedded in it.
func jsonFieldsOf(t reflect.Type) []jsonField {
	if fields, ok := jsonFields.Load(t); ok {
		return fields.([]jsonField)
	}
	all := make([]jsonField, 0, t.NumField())
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.Anonymous {
			all = append(all, jsonField{jsonName(f), f.Index})
			continue
		}
		for _, inner := range jsonFieldsOf(f.Type) {
			all = append(all, jsonField{inner.name, slices.Concat(f.Index, inner.index)})
		}
	}
	jsonFields.Store(t, all)
	return all
}

// jsonFieldNamed returns the index of the field that encoding/json would fill from key, -1 for none.
func jsonFieldNamed(fields []jsonField, key string) int {
	for i := range fields {
		if fields[i].name == key {
			return i
		}
	}
	return slices.IndexFunc(fields, func(f jsonField) bool { return strings.EqualFold(f.name, key) })
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
