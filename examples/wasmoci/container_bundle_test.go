//go:build root && linux

package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/rogpeppe/go-internal/testscript"
)

// containerCommand makes a bundle for a container: with namespaces, a proc and a /dev. What is in $MADE is in its rootfs, too.
//
//	bundle DIR ARG...
func containerCommand(ts *testscript.TestScript, neg bool, args []string) {
	bundleCommand(ts, neg, args)
	ts.Check(os.CopyFS(ts.MkAbs(filepath.Join(args[0], "rootfs")), os.DirFS(ts.Getenv("MADE"))))
	for _, dir := range []string{"proc", "dev", "tmp"} {
		ts.Check(os.MkdirAll(ts.MkAbs(filepath.Join(args[0], "rootfs", dir)), 0o755))
	}
	merge(ts, args[0], map[string]any{
		"ociVersion": "1.0.2", // Debian 12's crun refuses later ones
		"mounts": []any{
			map[string]any{"destination": "/proc", "type": "proc", "source": "proc"},
			map[string]any{"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": []string{"nosuid", "strictatime", "mode=755", "size=65536k"}},
		},
		"linux": map[string]any{
			"cgroupsPath": cgroups + "/" + filepath.Base(ts.Getenv("WORK")) + "-" + filepath.Base(args[0]),
			"namespaces":  []map[string]string{{"type": "pid"}, {"type": "mount"}, {"type": "ipc"}, {"type": "uts"}},
		},
	})
}

// padCommand makes a module larger by a section of a MiB that means nothing. Where TEXT differs, modules do in that alone, and in a place
// that tells none from another at a glance.
//
//	pad FILE TEXT
func padCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: pad FILE TEXT")
	}
	const size = 1 << 20
	body := append([]byte{0}, make([]byte, size-1)...) // it has no name
	copy(body[size-10_000:], args[1])
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_WRONLY|os.O_APPEND, 0)
	ts.Check(err)
	_, err = f.Write(append(binary.AppendUvarint([]byte{0}, size), body...))
	ts.Check(errors.Join(err, f.Close()))
}

// mergeCommand changes a bundle's config.json by a merge patch (RFC 7396): what is null goes, objects are merged, all else is replaced.
//
//	merge DIR JSON
func mergeCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: merge DIR JSON")
	}
	var patch map[string]any
	ts.Check(json.Unmarshal([]byte(args[1]), &patch))
	merge(ts, args[0], patch)
}

func merge(ts *testscript.TestScript, dir string, patch map[string]any) {
	name := ts.MkAbs(filepath.Join(dir, "config.json"))
	text, err := os.ReadFile(name)
	ts.Check(err)
	var config any
	ts.Check(json.Unmarshal(text, &config))
	text, err = json.Marshal(merged(config, patch))
	ts.Check(err)
	ts.Check(os.WriteFile(name, text, 0o644))
}

func merged(value, patch any) any {
	changes, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	object, ok := value.(map[string]any)
	if !ok {
		object = map[string]any{}
	}
	for key, change := range changes {
		if change == nil {
			delete(object, key)
		} else {
			object[key] = merged(object[key], change)
		}
	}
	return object
}

// seccompCommand gives a bundle the seccomp profile that podman gives containers by default, for a process with the capabilities of the
// bundle's.
//
//	seccomp DIR
func seccompCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: seccomp DIR")
	}
	type condition struct{ Caps, Arches []string }
	var profile struct {
		DefaultAction   specs.LinuxSeccompAction
		DefaultErrnoRet *uint
		ArchMap         []struct {
			Architecture     specs.Arch
			SubArchitectures []specs.Arch
		}
		Syscalls []struct {
			specs.LinuxSyscall
			Includes, Excludes condition
		}
	}
	text, err := os.ReadFile("/usr/share/containers/seccomp.json")
	ts.Check(err)
	ts.Check(json.Unmarshal(text, &profile))
	var spec specs.Spec
	text, err = os.ReadFile(ts.MkAbs(filepath.Join(args[0], "config.json")))
	ts.Check(err)
	ts.Check(json.Unmarshal(text, &spec))
	has := func(capability string) bool {
		c := spec.Process.Capabilities
		return c != nil && slices.Contains(c.Bounding, capability)
	}
	all := func(caps []string) bool {
		return !slices.ContainsFunc(caps, func(c string) bool { return !has(c) })
	}
	out := specs.LinuxSeccomp{DefaultAction: profile.DefaultAction, DefaultErrnoRet: profile.DefaultErrnoRet}
	machine := map[string]specs.Arch{"amd64": specs.ArchX86_64, "arm64": specs.ArchAARCH64}[runtime.GOARCH]
	for _, a := range profile.ArchMap {
		if a.Architecture == machine {
			out.Architectures = append([]specs.Arch{a.Architecture}, a.SubArchitectures...)
		}
	}
	for _, s := range profile.Syscalls {
		in, ex := s.Includes, s.Excludes
		if len(in.Arches) > 0 && !slices.Contains(in.Arches, runtime.GOARCH) || slices.Contains(ex.Arches, runtime.GOARCH) ||
			!all(in.Caps) || slices.ContainsFunc(ex.Caps, has) {
			continue
		}
		out.Syscalls = append(out.Syscalls, s.LinuxSyscall)
	}
	if len(out.Architectures) == 0 || len(out.Syscalls) < 3 {
		ts.Fatalf("the profile has %d architectures and %d rules", len(out.Architectures), len(out.Syscalls))
	}
	text, err = json.Marshal(map[string]any{"linux": map[string]any{"seccomp": out}})
	ts.Check(err)
	mergeCommand(ts, false, []string{args[0], string(text)})
}

// minimumCommand looks at a limit of a bundle. FIELD is what an error calls it, JSON is a merge patch in which % is the limit. Less than
// the runner needs is refused with field and minimum, before anything is made; with the minimum the guest runs, each time, and ends
// with STATUS. Where that leaves the guest nothing, THEN is how it ends with a MiB more.
//
//	minimum STATUS[,THEN] DIR FIELD JSON
func minimumCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: minimum STATUS[,THEN] DIR FIELD JSON")
	}
	want, then, _ := strings.Cut(args[0], ",")
	dir, field := args[1], args[2]
	set := func(limit string) { mergeCommand(ts, false, []string{dir, strings.ReplaceAll(args[3], "%", limit)}) }
	refused := func(limit string) (least string) {
		set(limit)
		cmd := exec.Command("wasmoci", ts.Getenv("CONFIG"), ts.Getenv("ROOT"), "create", "--bundle", ts.MkAbs(dir), "limited")
		cmd.WaitDelay = time.Second // a container that was made all the same would hold the pipe
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != 126 {
			ts.Fatalf("limit %s: %v, want exit status 126\n%s", limit, err, out)
		}
		found := regexp.MustCompile(regexp.QuoteMeta(field) + `.*: set ([0-9]+) or more`).FindSubmatch(out)
		if found == nil || strings.Contains(string(out), "goroutine ") {
			ts.Fatalf("limit %s: %q has no line with %s and its minimum", limit, out, field)
		}
		for _, place := range []string{".state/*/*", ".root/*", ".cache/containers/*/*"} {
			if left, _ := filepath.Glob(ts.MkAbs(place)); len(left) > 0 {
				ts.Fatalf("limit %s: it was refused, but there is %q", limit, left)
			}
		}
		return string(found[1])
	}
	least := refused("1")
	if again := refused(plus(least, -1)); again != least {
		ts.Fatalf("the minimum is %s, and then %s", least, again)
	}
	ts.Logf("%s: at least %s", field, least)
	runs := func(limit, status string) {
		set(limit)
		for range *times {
			exitsCommand(ts, false, []string{status, "wasmoci", ts.Getenv("CONFIG"), ts.Getenv("ROOT"), "run", "--bundle", dir, "limited"})
		}
	}
	runs(least, want)
	if then != "" {
		runs(plus(least, 1<<20), then)
	}
}

// plus is the number that is so much more than a number.
func plus(text string, more int64) string {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return err.Error()
	}
	return strconv.FormatInt(n+more, 10)
}
