package main

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

// peers compares containers of wasmoci with those of crun and WasmEdge. dir is what .ci/peers has prepared, inside of the system that
// has both; the figures of native containers are of the same crun.
func peers(ctx context.Context, dir string) (rows []row, err error) {
	p := &peer{dir: dir, wasmoci: filepath.Join(dir, "bin", "wasmoci")}
	if err := p.prepare(ctx); err != nil {
		return nil, err
	}
	for _, measure := range []func(context.Context) ([]row, error){p.starts, p.idle, p.computes, p.podmans} {
		more, err := measure(ctx)
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

const crun = "/usr/bin/crun"

type peer struct {
	dir, wasmoci string
}

// prepare compiles with WasmEdge what crun is to run, which it does not do by itself, and makes the bundles.
func (p *peer) prepare(ctx context.Context) error {
	if err := os.MkdirAll("/etc/wasmoci", 0o755); err != nil {
		return err
	}
	if err := os.WriteFile("/etc/wasmoci/config.toml", fmt.Appendf(nil, "delegate = %q\nstate = \"/run/wasmoci\"\ncache = \"/run/cache\"\n", crun), 0o644); err != nil {
		return err
	}
	for _, name := range []string{"guest", "hello"} {
		if err := p.ahead(ctx, name); err != nil {
			return err
		}
	}
	for _, b := range []struct {
		name, file string
		annotation [2]string
		args       []string
	}{
		{"c", "guest.wasm", compat, []string{"hello"}},
		{"c-ahead", "guest.ahead.wasm", compat, []string{"hello"}},
		{"go", "hello.wasm", compat, nil},
		{"go-wasmtime", "hello.wasm", handler("wasmtime"), nil},
		{"go-ahead", "hello.ahead.wasm", compat, nil},
		{"native", "guest", [2]string{}, []string{"hello"}},
		{"sleep", "guest.wasm", compat, []string{"sleep"}},
		{"sleep-ahead", "guest.ahead.wasm", compat, []string{"sleep"}},
		{"cpu", "cpu.wasm", handler("wazero"), []string{"all", "40"}},
		{"cpu-wasmtime", "cpu.wasm", handler("wasmtime"), []string{"all", "40"}},
		{"cpu-native", "cpu", [2]string{}, []string{"all", "40"}},
	} {
		if err := p.bundle(b.name, b.file, b.annotation, b.args); err != nil {
			return err
		}
	}
	return nil
}

var compat = [2]string{"module.wasm.image/variant", "compat"}

func handler(engine string) [2]string { return [2]string{"run.oci.handler", engine} }

// ahead makes NAME.ahead.wasm of NAME.wasm, and keeps it under the digest of its source: a program in Go takes a minute.
func (p *peer) ahead(ctx context.Context, name string) error {
	wasm, err := os.ReadFile(filepath.Join(p.dir, name+".wasm"))
	if err != nil {
		return err
	}
	digest := sha256.Sum256(wasm)
	kept := filepath.Join(p.dir, hex.EncodeToString(digest[:8])+".ahead.wasm")
	if _, err := os.Stat(kept); errors.Is(err, os.ErrNotExist) {
		if err := quiet(exec.CommandContext(ctx, "wasmedge", "compile", filepath.Join(p.dir, name+".wasm"), kept+".new.wasm")); err != nil {
			return err
		}
		if err := os.Rename(kept+".new.wasm", kept); err != nil {
			return err
		}
	}
	link := filepath.Join(p.dir, name+".ahead.wasm")
	if err := os.Remove(link); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.Link(kept, link)
}

func bundlePath(name string) string { return filepath.Join("/run/bundles", name) }

// bundle makes a bundle of one file, as small as both take it.
func (p *peer) bundle(name, file string, annotation [2]string, args []string) error {
	dir := bundlePath(name)
	for _, sub := range []string{"rootfs/proc", "rootfs/dev"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return err
		}
	}
	content, err := os.ReadFile(filepath.Join(p.dir, file))
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "rootfs", file), content, 0o755); err != nil {
		return err
	}
	type object = map[string]any
	annotations := object{}
	if annotation[0] != "" {
		annotations[annotation[0]] = annotation[1]
	}
	config, err := json.Marshal(object{
		"ociVersion":  "1.0.2",
		"process":     object{"args": append([]string{"/" + file}, args...), "cwd": "/", "env": []string{"PATH=/"}, "user": object{"uid": 0, "gid": 0}},
		"root":        object{"path": "rootfs", "readonly": true},
		"annotations": annotations,
		"mounts": []object{
			{"destination": "/proc", "type": "proc", "source": "proc"},
			{"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": []string{"nosuid", "mode=755", "size=65536k"}},
		},
		"linux": object{"namespaces": []object{{"type": "pid"}, {"type": "mount"}, {"type": "ipc"}, {"type": "uts"}}},
	})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "config.json"), config, 0o644)
}

// run is a run of a bundle, from the start of the runtime to its exit.
func run(ctx context.Context, runtime, bundle string) func() error {
	return func() error {
		return quiet(exec.CommandContext(ctx, runtime, "run", "--bundle", bundlePath(bundle), "bench"))
	}
}

func quiet(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd, err, out)
	}
	return nil
}

// starts are whole runs of programs that only greet, compiled before.
func (p *peer) starts(ctx context.Context) (rows []row, err error) {
	for _, c := range []struct {
		what              string
		measured, against func() error
		limit             float64
		n                 int
	}{
		{"run of hello in C, against crun with WasmEdge, compiled ahead", run(ctx, p.wasmoci, "c"), run(ctx, crun, "c-ahead"), 0.7, 40},
		{"run of hello in Go on wasmtime, against crun with WasmEdge, compiled ahead", run(ctx, p.wasmoci, "go-wasmtime"), run(ctx, crun, "go-ahead"), 0.5, 25},
		{"run of hello in Go on wazero, against crun with WasmEdge, compiled ahead", run(ctx, p.wasmoci, "go"), run(ctx, crun, "go-ahead"), 1.5, 25},
	} {
		if err := errors.Join(c.measured(), c.against()); err != nil { // compiles
			return nil, err
		}
		r := row{what: c.what, limit: c.limit}
		if r.measured, r.against, err = pairs(c.n, c.measured, c.against); err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	const delay = 6 * time.Millisecond
	r := row{what: fmt.Sprintf("native container through wasmoci, against crun and %v", delay), limit: 1}
	if r.measured, r.against, err = pairs(60, run(ctx, p.wasmoci, "native"), run(ctx, crun, "native")); err != nil {
		return nil, err
	}
	r.against += delay
	return append(rows, r), nil
}

// idle is what a container that waits has of the memory, where there are twenty.
func (p *peer) idle(ctx context.Context) ([]row, error) {
	r := row{what: "memory of a waiting guest in C (PSS, of twenty), against crun with WasmEdge", bytes: true, limit: 0.7}
	var err error
	if r.measured, err = waiting(ctx, p.wasmoci, "sleep"); err != nil {
		return nil, err
	}
	r.against, err = waiting(ctx, crun, "sleep-ahead")
	return []row{r}, err
}

func waiting(ctx context.Context, runtime, bundle string) (each time.Duration, err error) {
	const n = 20
	var pids []int
	defer func() {
		for i := range n {
			err = errors.Join(err, quiet(exec.CommandContext(context.WithoutCancel(ctx), runtime, "delete", "--force", fmt.Sprint("wait", i))))
		}
	}()
	log, err := os.Create("/run/log")
	if err != nil {
		return 0, err
	}
	defer log.Close()
	for i := range n {
		file := fmt.Sprint("/run/pid", i)
		cmd := exec.CommandContext(ctx, runtime, "run", "--detach", "--pid-file", file, "--bundle", bundlePath(bundle), fmt.Sprint("wait", i))
		cmd.Stdout, cmd.Stderr = log, log // the guest has them, so no pipe
		if err := cmd.Run(); err != nil {
			return 0, fmt.Errorf("%s: %w", cmd, err)
		}
		b, err := os.ReadFile(file)
		if err != nil {
			return 0, err
		}
		pid, err := strconv.Atoi(string(bytes.TrimSpace(b)))
		if err != nil {
			return 0, err
		}
		pids = append(pids, pid)
	}
	for begun := time.Now(); ; time.Sleep(10 * time.Millisecond) { // every guest says that it waits
		b, err := os.ReadFile(log.Name())
		if err != nil {
			return 0, err
		}
		if bytes.Count(b, []byte("ready\n")) == n {
			break
		}
		if time.Since(begun) > time.Minute {
			return 0, fmt.Errorf("%s: guests do not start: %q", runtime, b)
		}
	}
	var total int
	for _, pid := range pids {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			return 0, err
		}
		m := regexp.MustCompile(`(?m)^Pss: +(\d+) kB$`).FindSubmatch(b)
		if m == nil {
			return 0, fmt.Errorf("smaps_rollup of %d: no Pss in %q", pid, b)
		}
		kib, err := strconv.Atoi(string(m[1]))
		if err != nil {
			return 0, err
		}
		total += kib << 10
	}
	return time.Duration(total / n), nil
}

// computes are runs of a program that computes, against the same program of gcc in a container of crun.
func (p *peer) computes(ctx context.Context) (rows []row, err error) {
	for _, c := range []struct {
		engine, bundle string
		limit          float64
	}{{"wasmtime", "cpu-wasmtime", 1.3}, {"wazero", "cpu", 4}} {
		measured := run(ctx, p.wasmoci, c.bundle)
		if err := measured(); err != nil { // compiles
			return nil, err
		}
		r := row{what: "computing on " + c.engine + ", against gcc's code in a container of crun", limit: c.limit}
		if r.measured, r.against, err = pairs(7, measured, run(ctx, crun, "cpu-native")); err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// podmans are podman's runs of a guest and of a native program.
func (p *peer) podmans(ctx context.Context) ([]row, error) {
	podman := func(args ...string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, "podman", append([]string{
			"--root", "/tmp/storage", "--runroot", "/run/storage", "--cgroup-manager", "cgroupfs", "--events-backend", "none",
		}, args...)...)
		cmd.Env = append(os.Environ(), "PODMAN_IGNORE_CGROUPSV1_WARNING=1")
		return cmd
	}
	for image, bundle := range map[string]string{"guest": "c", "native": "native"} {
		archive := filepath.Join("/tmp", image+".tar")
		if err := archiveOf(archive, filepath.Join(bundlePath(bundle), "rootfs")); err != nil {
			return nil, err
		}
		if err := quiet(podman("import", "--quiet", archive, "localhost/"+image)); err != nil {
			return nil, err
		}
	}
	run := func(runtime string, args ...string) func() error {
		return func() error {
			return quiet(podman(append([]string{"--runtime", runtime, "run", "--rm", "--network", "none"}, args...)...))
		}
	}
	guest := run(p.wasmoci, "--annotation", compat[0]+"="+compat[1], "localhost/guest", "/guest.wasm", "hello")
	if err := guest(); err != nil {
		return nil, err
	}
	r := row{what: "podman run of a guest in C, against a native program with crun", limit: 1.15}
	var err error
	r.measured, r.against, err = pairs(25, guest, run(crun, "localhost/native", "/guest", "hello"))
	return []row{r}, err
}

// archiveOf writes the files of a directory as tar.
func archiveOf(name, dir string) error {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := errors.Join(w.AddFS(os.DirFS(dir)), w.Close()); err != nil {
		return err
	}
	return os.WriteFile(name, b.Bytes(), 0o644)
}
