//go:build root && linux

package main

import (
	"encoding/json"
	"flag"
	"fmt"
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
	{"start by the delegate", [][]string{{"create", "--bundle", "hooked", "web"}}, []string{"start", "web"}},
	{"exec", [][]string{{"run", "--detach", "--bundle", "bundle", "web"}}, []string{"exec", "web", "/guest.wasm"}},
	{"kill", [][]string{{"run", "--detach", "--bundle", "bundle", "web"}}, []string{"kill", "web", "TERM"}},
	{"delete", [][]string{{"run", "--detach", "--bundle", "bundle", "web"}}, []string{"delete", "--force", "web"}},
	{"delete created", [][]string{{"create", "--bundle", "bundle", "web"}}, []string{"delete", "web"}},
	{"run", nil, []string{"run", "--bundle", "short", "web"}},
}

// sweep kills commands at each of their system calls that change something, and then what they have started at each of theirs. After
// each kill what `state` and `list` say is looked at, and one command brings everything in order: `delete --force`, or, after every other
// kill, `create` where there is no container.
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
	r = tr.run(t, p.dir, p.environ(), out, p.command(v.args...)...)
	after := fmt.Sprintf("%s, killed at %s (%d)", v.name, r.killed, tr.at)
	if r.hung {
		t.Errorf("%s: it did not end", after)
	}
	there := p.truth(t, after)
	if v.name == "start" {
		p.started(t, after)
	}
	if tr.at%2 == 0 && (v.before == nil || v.name == "delete") { // who makes containers may try again without more ado, or another one
		status, said := p.does(t, "create", "--bundle", "bundle", "--pid-file", "pid", "web")
		switch {
		case status == 0:
			p.must(t, "start", "web")
			p.must(t, "kill", "web", "KILL")
		case !there || !strings.Contains(said, "a container with this ID exists"):
			t.Errorf("%s: create: exit status %d\n%s", after, status, said)
		}
	}
	for range 2 {
		if status, said := p.does(t, "delete", "--force", "web"); status != 0 {
			t.Errorf("%s: delete --force: exit status %d\n%s\n%s", after, status, said, readString(p.path("out")))
		}
	}
	p.nothing(t, after)
	return r
}

// started fails a test where a container, whose start was killed, neither runs nor can be started now.
func (p *place) started(t *testing.T, after string) {
	t.Helper()
	if strings.Contains(p.must(t, "state", "web"), `"status": "created"`) {
		if status, said := p.does(t, "start", "web"); status != 0 {
			t.Errorf("%s: start: exit status %d\n%s", after, status, said)
		}
	}
	if said := p.must(t, "state", "web"); !strings.Contains(said, `"running"`) {
		t.Errorf("%s: state after start: %s", after, said)
	}
}

// answer is what state and list say of a container.
type answer struct {
	ID, Status, Bundle string
	Pid                int
}

// truth looks at what state and list say: the same, of a process that is there, and of a container that start refuses where it is not
// complete. It returns whether there is a container. One that ends meanwhile is looked at once more.
func (p *place) truth(t *testing.T, after string) bool {
	t.Helper()
	for range 10 {
		status, text := p.does(t, "state", "web")
		listed, said := p.lists(t)
		var about answer
		if status == 0 {
			if err := json.Unmarshal([]byte(text), &about); err != nil {
				t.Errorf("%s: state: %v\n%s", after, err, text)
			}
		}
		_, err := os.Stat(fmt.Sprintf("/proc/%d", about.Pid))
		lives := err == nil && about.Pid > 0
		if again, still := p.does(t, "state", "web"); again != status || still != text {
			continue
		}
		p.same(t, after, status == 0, about, text, listed, said, lives)
		return status == 0
	}
	t.Errorf("%s: state says something else each time", after)
	return true
}

// same compares what state has said of a container, if there is one, with what list has, and with whether its process lives.
func (p *place) same(t *testing.T, after string, there bool, about answer, text, listed, said string, lives bool) {
	t.Helper()
	var all []answer
	if err := json.Unmarshal([]byte(listed), &all); err != nil {
		t.Errorf("%s: list: %v\n%s%s", after, err, listed, said)
	}
	if !there {
		if len(all) > 0 {
			t.Errorf("%s: there is no container, but list says %s", after, listed)
		}
		if found, _ := filepath.Glob(p.path("state/*/web")); len(found) > 0 && !strings.Contains(said, "web") {
			t.Errorf("%s: something is left, and list does not say so: %s", after, said)
		}
		return
	}
	if len(all) != 1 || all[0] != about {
		t.Errorf("%s: state says %s, list %s", after, text, listed)
	}
	if lives != slices.Contains([]string{"creating", "created", "running", "paused"}, about.Status) {
		t.Errorf("%s: its process lives: %v, but state says %s", after, lives, text)
	}
	if filepath.Dir(about.Bundle) != p.dir {
		t.Errorf("%s: the bundle is that of somebody else: %s", after, text)
	}
}
