package enginetest

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// files is a directory of the host as data, by slash-separated path: a file with its content, a directory "d/", or a
// symbolic link whose value is "-> target". In contents and targets $DIR is the directory itself.
type files map[string]string

// gone is the value of what a case removes.
const gone = "\x00gone"

const (
	linkTo = "-> "
	// canary is the content of files that no guest may read. It never occurs in what a guest is given.
	canary = "canary-7f3a9c"
)

// write makes the files in dir, which exists.
func (f files) write(tb testing.TB, dir string) {
	tb.Helper()
	for _, name := range slices.Sorted(maps.Keys(f)) {
		p := filepath.Join(dir, filepath.FromSlash(name))
		content := strings.ReplaceAll(f[name], "$DIR", dir)
		target, isLink := strings.CutPrefix(content, linkTo)
		err := os.MkdirAll(filepath.Dir(p), 0o755)
		switch {
		case err != nil:
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(p, 0o755)
		case isLink:
			err = os.Symlink(target, p)
		default:
			err = os.WriteFile(p, []byte(content), 0o644)
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
}

// readFiles returns everything beneath dir, with directories only where they are empty.
func readFiles(tb testing.TB, dir string) files {
	tb.Helper()
	f := files{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == dir {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(rel)
		switch {
		case d.IsDir():
			list, err := os.ReadDir(p)
			if err == nil && len(list) == 0 {
				f[name+"/"] = ""
			}
			return err
		case d.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(p)
			f[name] = linkTo + strings.ReplaceAll(target, dir, "$DIR")
			return err
		case d.Type().IsRegular():
			content, err := os.ReadFile(p)
			f[name] = strings.ReplaceAll(string(content), dir, "$DIR")
			return err
		}
		f[name] = d.Type().String()
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

// with returns f with changes applied.
func (f files) with(changes files) files {
	all := maps.Clone(f)
	maps.Copy(all, changes)
	maps.DeleteFunc(all, func(_, content string) bool { return content == gone })
	return all
}

// differ reports where got is not want.
func (f files) differ(tb testing.TB, got files) {
	tb.Helper()
	for _, name := range slices.Sorted(maps.Keys(f.with(got))) {
		want, inWant := f[name]
		is, inGot := got[name]
		switch {
		case !inWant:
			tb.Errorf("the host's file %q appeared, with %q", name, is)
		case !inGot:
			tb.Errorf("the host's file %q is gone", name)
		case is != want:
			tb.Errorf("the host's file %q has %q, want %q", name, is, want)
		}
	}
}
