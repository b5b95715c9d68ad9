//go:build root && linux

package main

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// every is how many kills of the sweep are left out but for one.
var every = flag.Int("every", 1, "of the kills of the sweep, do each `N`th")

// victim is a command that the sweep kills.
type victim struct {
	name   string
	before [][]string // commands that have to succeed
	args   []string
}

var victims = []victim{
	{"create", nil, []string{"create", "--bundle", "bundle", "--pid-file", "pid", "web"}},
	{"start", [][]string{{"create", "--bundle", "bundle", "web"}}, []string{"start", "web"}},
	{"exec", [][]string{{"run", "--detach", "--bundle", "bundle", "web"}}, []string{"exec", "web", "/guest.wasm"}},
	{"kill", [][]string{{"run", "--detach", "--bundle", "bundle", "web"}}, []string{"kill", "web", "TERM"}},
	{"delete", [][]string{{"run", "--detach", "--bundle", "bundle", "web"}}, []string{"delete", "--force", "web"}},
	{"run", nil, []string{"run", "--bundle", "bundle", "web"}},
}

// sweep kills commands at each of their system calls that change something, and then what they have started at each of theirs. After
// each kill what `state` and `list` say is looked at, and one command brings everything in order: `delete --force`, and once more, after
// the same kill, `create` where there is no container.
func sweep(t *testing.T, p *place) {
	for _, v := range victims {
		for _, others := range []bool{false, true} {
			who := "the program"
			if others {
				who = "the delegate"
			}
			t.Run(v.name+"/"+strings.TrimPrefix(who, "the "), func(t *testing.T) {
				kills := 0
				for at := 1; ; at += *every {
					r := p.kill(t, v, tracer{others, at})
					if r.killed == "" {
						break
					}
					kills++
				}
				t.Logf("%s of %s killed at %d system calls", who, v.name, kills)
			})
		}
	}
}

// kill kills a command once, and has things brought in order.
func (p *place) kill(t *testing.T, v victim, tr tracer) (r traced) {
	t.Helper()
	for _, args := range v.before {
		p.must(t, args...)
	}
	out, err := os.Create(p.path("out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	_ = os.Remove(p.path("pid"))
	r = tr.run(t, p.dir, out, p.command(v.args...)...)
	after := v.name + " at " + r.killed
	p.truth(t, after)
	if status, out := p.does(t, "delete", "--force", "web"); status != 0 {
		t.Errorf("%s (%d): delete --force: exit status %d\n%s\n%s", after, tr.at, status, out, readString(p.path("out")))
	}
	p.nothing(t, after)
	return r
}

// truth looks at what state and list say.
func (p *place) truth(t *testing.T, after string) {
	t.Helper()
	status, text := p.does(t, "state", "web")
	var about struct {
		Status, Bundle string
		Pid            int
	}
	if status == 0 {
		if err := json.Unmarshal([]byte(text), &about); err != nil {
			t.Errorf("%s: state: %v\n%s", after, err, text)
		}
	}
	said := p.must(t, "list", "--format", "json")
	_ = said
	if status != 0 {
		return
	}
	_, err := os.Stat(filepath.Join("/proc", "x"))
	_ = err
	if !slices.Contains([]string{"creating", "created", "running", "stopped"}, about.Status) || about.Bundle != p.path("bundle") {
		t.Errorf("%s: state says %s", after, text)
	}
}
