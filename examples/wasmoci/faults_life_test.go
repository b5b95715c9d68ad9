//go:build root && linux

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// runnerKilled: whenever a runner is killed, the container has ended, and nothing else is wrong.
func runnerKilled(t *testing.T, p *place) {
	for i := range 20 {
		p.must(t, "create", "--bundle", "bundle", "--pid-file", "pid", "web")
		pid, err := strconv.Atoi(strings.TrimSpace(readString(p.path("pid"))))
		if err != nil {
			t.Fatal(err)
		}
		var begun sync.WaitGroup
		begun.Go(func() {
			time.Sleep(time.Duration(i) * time.Millisecond)
			_ = unix.Kill(pid, unix.SIGKILL)
		})
		p.does(t, "start", "web") // it may have been too late
		begun.Wait()
		for begun := time.Now(); ; time.Sleep(time.Millisecond) {
			if said := p.must(t, "state", "web"); strings.Contains(said, `"stopped"`) && strings.Contains(said, "killed, status 137") {
				break
			} else if time.Since(begun) > late {
				t.Fatal(said)
			}
		}
		if status, said := p.does(t, "exec", "web", "/guest.wasm"); status == 0 {
			t.Errorf("exec in it: %s", said)
		}
		p.must(t, "delete", "web")
		if record := readString(p.path("pid.record")); record != "{\"status\":137,\"kind\":\"killed\"}\n" {
			t.Errorf("the record is %q", record)
		}
		p.nothing(t, "delete")
	}
}

// twice: of commands that make a container of the same name at once exactly one does, and the others leave nothing.
func twice(t *testing.T, p *place) {
	for range 5 {
		const all = 4
		var made, refused int
		var mu sync.Mutex
		var done sync.WaitGroup
		for range all {
			done.Go(func() {
				status, said := p.does(t, "create", "--bundle", "bundle", "web")
				mu.Lock()
				defer mu.Unlock()
				switch {
				case status == 0:
					made++
				case strings.Contains(said, "a container with this ID exists"):
					refused++
				default:
					t.Errorf("exit status %d, %s", status, said)
				}
			})
		}
		done.Wait()
		if made != 1 || refused != all-1 {
			t.Errorf("%d of %d commands have made it", made, all)
		}
		p.must(t, "start", "web")
		if status, said := p.does(t, "exec", "web", "/guest.wasm#exit7"); status != 7 {
			t.Errorf("exec: exit status %d, %s", status, said)
		}
		p.must(t, "delete", "--force", "web")
		p.nothing(t, "delete")
	}
}

// many: 200 containers, eight at a time.
func many(t *testing.T, p *place) {
	ids := make(chan string)
	var done sync.WaitGroup
	for i := range 8 {
		p.bundle(t, fmt.Sprintf("bundle%d", i), "/guest.wasm#sleep")
		p.merge(t, fmt.Sprintf("bundle%d", i), map[string]any{"linux": map[string]any{"cgroupsPath": fmt.Sprintf("%s-%d", p.cgroup, i)}})
		done.Go(func() {
			for id := range ids {
				p.must(t, "create", "--bundle", fmt.Sprintf("bundle%d", i), id)
				p.must(t, "start", id)
				if said := p.must(t, "state", id); !strings.Contains(said, `"running"`) {
					t.Error(said)
				}
				p.must(t, "delete", "--force", id)
			}
		})
	}
	for i := range 200 {
		ids <- fmt.Sprintf("c%d", i)
	}
	close(ids)
	done.Wait()
	p.nothing(t, "200 containers")
}

// rebooted: after a reboot no process is there. Of the state, the delegate's state and the cache any may have been on a tmpfs.
func rebooted(t *testing.T, p *place) {
	for name, gone := range map[string][]string{
		"all state": {"state/*", "root/*"}, "the delegate's": {"root/*"}, "the program's": {"state/*"}, "nothing": nil, "all": {"state/*", "root/*", "cache/*"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, next := range [][]string{{"delete", "--force", "web"}, {"create", "--bundle", "bundle", "web"}} {
				p.must(t, "run", "--detach", "--bundle", "bundle", "web")
				for _, process := range p.processes() {
					var pid int
					if _, err := fmt.Sscanf(process, "process %d", &pid); err != nil {
						t.Fatal(err)
					}
					_ = unix.Kill(pid, unix.SIGKILL)
				}
				for begun := time.Now(); len(p.processes()) > 0 && time.Since(begun) < late; {
					time.Sleep(time.Millisecond)
				}
				p.removeCgroups() // the kernel's go, too
				for _, pattern := range gone {
					found, _ := filepath.Glob(p.path(pattern))
					for _, dir := range found {
						if err := os.RemoveAll(dir); err != nil {
							t.Fatal(err)
						}
					}
				}
				p.truthOfDead(t)
				status, said := p.does(t, next...)
				if next[0] == "create" {
					if exists := strings.Contains(said, "exist"); status != 0 && !exists {
						t.Errorf("create: exit status %d, %s", status, said)
					}
				} else if status != 0 {
					t.Errorf("delete --force: exit status %d, %s", status, said)
				}
				p.must(t, "delete", "--force", "web")
				if name == "the program's" { // code of a container that nobody knows of goes with the next one
					p.must(t, "create", "--bundle", "bundle", "other")
					p.must(t, "delete", "--force", "other")
				}
				if name == "all state" {
					p.must(t, "create", "--bundle", "bundle", "other")
					p.must(t, "delete", "--force", "other")
				}
				p.nothing(t, "delete")
			}
		})
	}
}

// truthOfDead fails a test where anything is said to run.
func (p *place) truthOfDead(t *testing.T) {
	t.Helper()
	status, said := p.does(t, "state", "web")
	if status == 0 && !strings.Contains(said, `"stopped"`) {
		t.Errorf("state: %s", said)
	}
	list, complaints := p.lists(t)
	var all []struct{ ID, Status string }
	if err := json.Unmarshal([]byte(list), &all); err != nil {
		t.Errorf("list: %v: %s%s", err, list, complaints)
	}
	for _, c := range all {
		if c.Status != "stopped" {
			t.Errorf("list: %s", list)
		}
	}
}

// delegates: containers stay with those that have made them, and list shows those of all.
func delegates(t *testing.T, p *place) {
	own, other := p.delegate, map[string]string{"/usr/bin/crun": "/usr/sbin/runc", "/usr/sbin/runc": "/usr/bin/crun"}[p.delegate]
	p.must(t, "run", "--detach", "--bundle", "bundle", "web")
	p.delegate = other
	p.configure(t)
	p.bundle(t, "bundle2", "/guest.wasm#sleep")
	p.merge(t, "bundle2", map[string]any{"linux": map[string]any{"cgroupsPath": p.cgroup + "-2"}})
	p.must(t, "create", "--bundle", "bundle2", "other")
	for _, d := range []string{own, other} {
		p.delegate = d
		p.configure(t)
		list, said := p.lists(t)
		var all []struct{ ID, Status, Bundle string }
		if err := json.Unmarshal([]byte(list), &all); err != nil || len(all) != 2 {
			t.Errorf("list: %v: %s, %s", err, list, said)
		}
		for _, c := range all {
			want := map[string]string{"web": "running " + p.path("bundle"), "other": "created " + p.path("bundle2")}[c.ID]
			if c.Status+" "+c.Bundle != want {
				t.Errorf("%s: %s %s, want %s", c.ID, c.Status, c.Bundle, want)
			}
		}
	}
	p.must(t, "delete", "--force", "web")
	p.must(t, "delete", "--force", "other")
	p.nothing(t, "delete")
}
