//go:build root && linux

package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// upgraded: a container goes on with the runner that it was made with, whatever has become of the file since; so does one of which the
// state is of the version before, where nothing has become of it.
func upgraded(t *testing.T, p *place) {
	whole, err := os.ReadFile(filepath.Join(p.runners, "runner-"+engineFor))
	if err != nil {
		t.Fatal(err)
	}
	p.runners = p.path("runners")
	runner := filepath.Join(p.runners, "runner-"+engineFor)
	if err := os.Mkdir(p.runners, 0o755); err != nil {
		t.Fatal(err)
	}
	install := func(content []byte) {
		t.Helper()
		if err := os.WriteFile(runner+".new", content, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(runner+".new", runner); err != nil {
			t.Fatal(err)
		}
	}
	p.configure(t)
	p.bundle(t, "bydesc", "/guest.wasm#sleep")
	p.merge(t, "bydesc", map[string]any{"mounts": []any{
		map[string]any{"destination": "/proc", "type": "proc", "source": "proc"},
		map[string]any{"destination": "/dev", "type": "bind", "source": "/dev", "options": []string{"rbind"}},
	}})
	for _, bundle := range []string{"bundle", "bydesc"} {
		for _, old := range []bool{false, true} {
			for name, replace := range map[string]func(){
				"there":    func() {},
				"replaced": func() { install([]byte("#!/bin/false\n")) },
				"removed": func() {
					if err := os.Remove(runner); err != nil {
						t.Fatal(err)
					}
				},
			} {
				t.Run(bundle+" "+name, func(t *testing.T) {
					install(whole)
					p.must(t, "run", "--detach", "--bundle", bundle, "web")
					if old {
						p.older(t)
					}
					replace()
					want := 7
					if old && name != "there" {
						want = 125
					}
					compiled := 0
					for i := range 2 {
						status, said := p.does(t, "exec", "web", "/guest.wasm#exit7")
						if status != want || want == 125 && !strings.Contains(said, "create the container anew") {
							t.Errorf("exec, old state %v: exit status %d, %s", old, status, said)
						}
						all, _ := filepath.Glob(p.path("cache/code/*"))
						if i > 0 && len(all) != compiled {
							t.Errorf("exec has compiled again what it has compiled: %q", all)
						}
						compiled = len(all)
					}
					if said := p.must(t, "state", "web"); !strings.Contains(said, `"running"`) {
						t.Error(said)
					}
					p.must(t, "kill", "web", "TERM")
					p.must(t, "delete", "--force", "web")
					p.nothing(t, "delete")
				})
			}
		}
	}
}

// older makes of the container's state what version 1 would have written.
func (p *place) older(t *testing.T) {
	t.Helper()
	file := p.one(t, "state/*/web/state.json")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(data), "\n")
	line = strings.Replace(line, `"version":2`, `"version":1`, 1)
	line = regexp.MustCompile(`"runnerFile":\{[^}]*\},`).ReplaceAllString(line, "")
	if strings.Contains(line, "runnerFile") || !strings.Contains(line, `"version":1`) {
		t.Fatal(line)
	}
	if err := os.WriteFile(file, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
}
