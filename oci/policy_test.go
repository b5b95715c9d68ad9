package oci

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

var update = flag.Bool("update", false, "rewrite golden files and the tables in doc.go")

// TestPolicyDocumented keeps the tables in the package documentation equal to the policy.
func TestPolicyDocumented(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	var fields, mounts, options [][]string
	for _, r := range policy {
		fields = append(fields, []string{r.Field, r.Entered.String(), r.Direct.String(), r.Why})
	}
	for _, r := range mountPolicy {
		mounts = append(mounts, []string{r.Kind, r.Entered.String(), r.Direct.String(), r.Why})
	}
	for _, r := range optionPolicy {
		names := strings.Fields(r.Names)
		for i := 0; i < len(names); i += 4 {
			row := []string{strings.Join(names[i:min(i+4, len(names))], " "), "", ""}
			if i == 0 {
				row[1], row[2] = r.Direct.String(), r.Why
				if r.Tmpfs {
					row[2] = "tmpfs: " + row[2]
				}
			}
			options = append(options, row)
		}
	}
	options = append(options, []string{"any other", "rejected", "is no option that runtime-spec has for this mount"})
	tables := []string{
		table([]string{"field", "entered", "direct", "reason"}, fields),
		table([]string{"mount", "entered", "direct", "reason"}, mounts),
		table([]string{"option", "direct", "reason"}, options),
	}
	var want []byte
	inTable := false
	for line := range bytes.Lines(doc) {
		if !bytes.HasPrefix(line, []byte("//\t")) {
			inTable = false
			want = append(want, line...)
		} else if !inTable {
			inTable = true
			if len(tables) == 0 {
				t.Fatal("doc.go has more than three tables")
			}
			want = append(want, tables[0]...)
			tables = tables[1:]
		}
	}
	if len(tables) != 0 {
		t.Fatalf("doc.go has no place for %d of the tables", len(tables))
	}
	if bytes.Equal(doc, want) {
		return
	}
	if !*update {
		t.Fatal("doc.go does not show the policy as it is: run go test ./oci -update")
	}
	if err := os.WriteFile("doc.go", want, 0o644); err != nil {
		t.Fatal(err)
	}
}

func table(head []string, rows [][]string) string {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{head}, rows...) {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	w.Flush()
	var lines strings.Builder
	for line := range strings.Lines(out.String()) {
		lines.WriteString("//\t" + strings.TrimRight(line, " \n") + "\n")
	}
	return lines.String()
}

// minimal is a spec with the fields that are required, and a process that is not ours: uid 7.
func minimal() *specs.Spec {
	return &specs.Spec{
		Version: specs.Version,
		Process: &specs.Process{Args: []string{"/app.wasm"}, Cwd: "/", User: specs.User{UID: 7, GID: 7}},
		Root:    &specs.Root{Path: "/rootfs"},
	}
}

// values for leaves that cannot hold just anything.
var plausible = map[string]any{
	"ociVersion":                   specs.Version,
	"process.args[]":               "app.wasm",
	"process.env[]":                "KEY=value",
	"process.cwd":                  "/",
	"root.path":                    "/rootfs",
	"mounts[].destination":         "/data",
	"mounts[].source":              "/srv",
	"mounts[].type":                "bind",
	"mounts[].options[]":           "ro",
	"linux.maskedPaths[]":          "/secret",
	"linux.readonlyPaths[]":        "/etc",
	"linux.resources.memory.limit": int64(1 << 20),
}

// leaves are the paths of all JSON leaves below t, with "[]" for an element.
func leaves(t reflect.Type, path string) []string {
	switch t.Kind() {
	case reflect.Pointer:
		return leaves(t.Elem(), path)
	case reflect.Slice:
		return leaves(t.Elem(), path+"[]")
	case reflect.Map:
		return leaves(t.Elem(), path+"[]")
	case reflect.Struct:
		var all []string
		for _, f := range reflect.VisibleFields(t) {
			if f.Anonymous {
				continue
			}
			name := jsonName(f)
			if path != "" {
				name = path + "." + name
			}
			all = append(all, leaves(f.Type, name)...)
		}
		return all
	}
	return []string{path}
}

// setLeaf sets the leaf that path names to something plausible; rest is what of path is below the struct v.
func setLeaf(t *testing.T, v reflect.Value, path, rest string) {
	t.Helper()
	name, rest, _ := strings.Cut(rest, ".")
	for _, f := range reflect.VisibleFields(v.Type()) {
		if !f.Anonymous && jsonName(f) == strings.TrimSuffix(name, "[]") {
			setValue(t, v.FieldByIndex(f.Index), path, rest)
			return
		}
	}
	t.Fatalf("%s: no field %q in %s", path, name, v.Type())
}

func setValue(t *testing.T, v reflect.Value, path, rest string) {
	t.Helper()
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		setValue(t, v.Elem(), path, rest)
	case reflect.Slice:
		if v.Len() == 0 {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		}
		setValue(t, v.Index(0), path, rest)
	case reflect.Map:
		elem := reflect.New(v.Type().Elem()).Elem()
		setValue(t, elem, path, rest)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("key"), elem)
	case reflect.Struct:
		setLeaf(t, v, path, rest)
	default:
		if want, ok := plausible[path]; ok {
			v.Set(reflect.ValueOf(want).Convert(v.Type()))
			return
		}
		switch k := v.Kind(); {
		case k == reflect.String:
			v.SetString("x")
		case k == reflect.Bool:
			v.SetBool(true)
		case v.CanInt():
			v.SetInt(1)
		case v.CanUint():
			v.SetUint(1)
		case k == reflect.Interface:
			v.Set(reflect.ValueOf("x"))
		default:
			t.Fatalf("%s: what is a plausible %s?", path, v.Type())
		}
	}
}

// withLeaf is a minimal spec with one leaf set, and what that leaf is meaningless without.
func withLeaf(t *testing.T, leaf string) *specs.Spec {
	t.Helper()
	spec := minimal()
	if strings.HasPrefix(leaf, "mounts[]") {
		spec.Mounts = []specs.Mount{{Destination: "/data", Type: "bind", Source: "/srv"}}
	}
	setLeaf(t, reflect.ValueOf(spec).Elem(), leaf, leaf)
	return spec
}

// speaksFor says whether an entry for field is about leaf: it is the leaf or something above it, whichever element.
func speaksFor(field, leaf string) bool {
	var general strings.Builder
	for field != "" {
		before, after, ok := strings.Cut(field, "[")
		general.WriteString(before)
		if !ok {
			break
		}
		general.WriteString("[]")
		_, field, _ = strings.Cut(after, "]")
	}
	rest, ok := strings.CutPrefix(leaf, general.String())
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// TestEveryLeafHasAVerdict fails when runtime-spec has a field that nobody has decided about. The golden file shows
// for each leaf which entries speak for it; a new leaf below a field that has a rule already changes it, too.
func TestEveryLeafHasAVerdict(t *testing.T) {
	all := leaves(reflect.TypeFor[specs.Spec](), "")
	if len(all) < 200 {
		t.Fatalf("found %d leaves only", len(all))
	}
	var golden strings.Builder
	for _, leaf := range all {
		fmt.Fprintf(&golden, "%s", leaf)
		for _, where := range []Where{Entered, Direct} {
			plan, err := FromSpec(withLeaf(t, leaf), Options{Where: where, GOOS: "linux"})
			var last *Entry
			for i, e := range plan.Account {
				if strings.Contains(e.Reason, "has no rule") {
					t.Errorf("%s: %s: runtime-spec has a field that the policy does not know: decide, and add a rule", where, leaf)
				}
				if speaksFor(e.Field, leaf) {
					last = &plan.Account[i]
				}
			}
			if last == nil {
				t.Errorf("%s: the account has no entry for %s", where, leaf)
				continue
			}
			if rejected := last.Verdict == Rejected; rejected != (err != nil) {
				t.Errorf("%s: %s: entry %+v beside error %v", where, leaf, *last, err)
			}
			fmt.Fprintf(&golden, "\t%s %s", last.Field, last.Verdict)
		}
		golden.WriteByte('\n')
	}
	compareGolden(t, "leaves.golden", []byte(golden.String()))
}

// TestPolicyIsWhatHappens sets every field that has a rule and looks for that rule's verdict.
func TestPolicyIsWhatHappens(t *testing.T) {
	all := leaves(reflect.TypeFor[specs.Spec](), "")
	for _, r := range policy {
		for _, where := range []Where{Entered, Direct} {
			t.Run(r.Field+"/"+where.String(), func(t *testing.T) {
				leaf := all[slices.IndexFunc(all, func(leaf string) bool { return speaksFor(r.Field, leaf) })]
				spec := withLeaf(t, leaf)
				switch r.Field { // the usual is what default specs have
				case "linux.maskedPaths":
					spec.Mounts = []specs.Mount{{Destination: "/secret", Type: "proc"}}
				case "linux.readonlyPaths":
					spec.Root.Readonly = true
				}
				opts := Options{Where: where, GOOS: "linux"}
				plan, err := FromSpec(spec, opts)
				i := slices.IndexFunc(plan.Account, func(e Entry) bool {
					return e.Field == r.Field || strings.HasPrefix(e.Field, r.Field+"[")
				})
				if i < 0 {
					t.Fatalf("no entry; err %v", err)
				}
				e := plan.Account[i]
				want, _ := r.in(where)
				if r.Field == "linux.devices" && where == Entered {
					want = Limited // one by one; see TestDevices
				}
				if e.Verdict != want || e.Reason == "" {
					t.Errorf("got %+v, want %s", e, want)
				}
				var specErr *SpecError
				if want == Rejected && (!errors.As(err, &specErr) || !strings.HasPrefix(specErr.Field, r.Field) || specErr.ExitStatus() != 126) {
					t.Errorf("err = %v, want a SpecError for %s", err, r.Field)
				}

				opts.Strict = true
				_, err = FromSpec(spec, opts)
				strictErr := err != nil && strings.Contains(err.Error(), e.Field)
				if wantErr := want == Rejected || want == Ignored || want == Limited; strictErr != wantErr {
					t.Errorf("strict: err = %v, want one for %s: %t", err, e.Field, wantErr)
				}
			})
		}
	}
}

// TestUnknownFieldIsRejected plans by a policy that lacks a rule, as this one does for a field of the future.
func TestUnknownFieldIsRejected(t *testing.T) {
	rules := slices.DeleteFunc(slices.Clone(policy), func(r rule) bool { return r.Field == "linux.seccomp" })
	tree := layOver(reflect.TypeFor[specs.Spec](), rules)
	spec := minimal()
	if _, err := fromSpec(spec, Options{Where: Direct}, tree); err != nil {
		t.Fatal(err)
	}
	spec.Linux = &specs.Linux{Seccomp: &specs.LinuxSeccomp{DefaultAction: specs.ActErrno}}
	_, err := fromSpec(spec, Options{Where: Direct}, tree)
	var specErr *SpecError
	if !errors.As(err, &specErr) || specErr.Field != "linux.seccomp" {
		t.Errorf("err = %v, want a SpecError for linux.seccomp", err)
	}
}

func TestRuleForNoFieldPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic for a rule about a field that runtime-spec does not have")
		}
	}()
	layOver(reflect.TypeFor[specs.Spec](), []rule{{Field: "process.nonsense"}})
}

func compareGolden(t *testing.T, name string, got []byte) {
	t.Helper()
	name = "testdata/" + name
	if *update {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(got, want) {
		return
	}
	g, w := strings.Split(string(got), "\n"), strings.Split(string(want), "\n")
	for i := range max(len(g), len(w)) {
		if i >= len(g) || i >= len(w) || g[i] != w[i] {
			t.Fatalf("%s differs from line %d on (run go test ./oci -update if that is right):\n got %s\nwant %s",
				name, i+1, strings.Join(g[min(i, len(g)):min(i+3, len(g))], "\n"), strings.Join(w[min(i, len(w)):min(i+3, len(w))], "\n"))
		}
	}
}
