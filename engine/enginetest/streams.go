package enginetest

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"

	"github.com/wasmoci/wasmoci/engine"
)

const mebibyte = 1 << 20

var streamCases = []Case{
	{
		Name:   "Streams/Stdout",
		Why:    "what the guest writes to descriptor 1 reaches Config.Stdout, all of it before Wait returns",
		stdout: helloLine,
	},
	{
		Name:   "Streams/Stderr",
		Why:    "descriptor 2 is Config.Stderr and nothing else",
		script: `print 2 "to stderr\n"`,
		stderr: "to stderr\n",
	},
	{
		Name: "Streams/None",
		Why:  "without streams a guest runs: its output is discarded and its input is empty",
		bare: true,
	},
	{
		Name: "Streams/StdinEcho",
		Why:  "descriptor 0 is Config.Stdin, byte for byte and to its end",
		script: `echo
			read 0 10 => ""`,
		stdin:  "\x00\xff binary\r\n",
		stdout: "",
		drive: func(t *trial) {
			t.same(t.wait(t.start(t.endless())), nil)
			if got, want := t.stdout.String(), t.c.stdin+"\"\"\n"; got != want {
				t.Errorf("the guest echoed %q, want %q", got, want)
			}
		},
	},
	{
		Name: "Streams/StdinNil",
		Why:  "a nil Stdin is an empty input, not the host's own",
		script: `read 0 10 => ""
			read 0 10 => ""`,
	},
	{
		Name:   "Streams/StdinPipe",
		Why:    "a pipe is read as its writer fills it, and ends when its writer closes it",
		script: "echo",
		drive: func(t *trial) {
			r, w := pipe(t)
			t.cfg.Stdin = r
			inst := t.start(t.endless())
			for _, part := range []string{"through ", "a pipe"} {
				if _, err := io.WriteString(w, part); err != nil {
					t.Fatal(err)
				}
				t.stdout.await(t, part)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			t.same(t.wait(inst), nil)
			if got, want := t.stdout.String(), "through a pipe"; got != want {
				t.Errorf("the guest echoed %q, want %q", got, want)
			}
		},
	},
	{
		Name:   "Streams/StdinFile",
		Why:    "a file is read from its current offset",
		files:  files{"input": "skipped, read"},
		script: `read 0 100 => "read"`,
		prepare: func(t *trial) {
			f := t.openFile("input")
			if _, err := f.Seek(9, io.SeekStart); err != nil {
				t.Fatal(err)
			}
			t.cfg.Stdin = f
		},
	},
	{
		Name: "Streams/Large",
		Why:  "a mebibyte of output arrives whole and in order, through any Writer",
		script: `count 1 1048576
			count 2 8`,
		drive: func(t *trial) {
			t.same(t.wait(t.start(t.endless())), nil)
			t.counted(t.stdout.String(), mebibyte)
			t.counted(t.stderr.String(), 8)
		},
	},
	{
		Name:   "Streams/LargeToFile",
		Why:    "a mebibyte of output arrives whole and in order, in a file",
		files:  files{"output": ""},
		after:  files{"output": gone},
		script: "count 1 1048576",
		prepare: func(t *trial) {
			f, err := os.OpenFile(t.path("output"), os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { f.Close() })
			t.cfg.Stdout = f
		},
		drive: func(t *trial) {
			t.same(t.wait(t.start(t.endless())), nil)
			content, err := os.ReadFile(t.path("output"))
			if err != nil {
				t.Fatal(err)
			}
			t.counted(string(content), mebibyte)
			if _, err := t.cfg.Stdout.Write([]byte("still open")); err != nil {
				t.Errorf("the caller's file was closed: %v", err)
			}
			if err := os.Remove(t.path("output")); err != nil {
				t.Fatal(err)
			}
		},
	},
	{
		Name:   "Streams/LargeToPipe",
		Why:    "a mebibyte through a pipe arrives whole and in order: a full pipe is waited for, not an error",
		script: "count 1 1048576",
		drive: func(t *trial) {
			r, w := pipe(t)
			t.cfg.Stdout = w
			inst := t.start(t.endless())
			var b []byte
			read := make(chan error, 1) // the test may be over before the pipe is
			go func() {
				var err error
				b, err = io.ReadAll(r)
				read <- err
			}()
			t.same(t.wait(inst), nil)
			if err := w.Close(); err != nil {
				t.Errorf("the caller's pipe was closed: %v", err)
			}
			if err := <-read; err != nil {
				t.Error(err)
			}
			t.counted(string(b), mebibyte)
		},
	},
	{
		Name: "Streams/OneWriter",
		Why:  "Stdout and Stderr may be one Writer: its Write is called by one goroutine at a time and order is kept",
		script: `print 1 "1 "
			print 2 "2 "
			print 1 "3 "
			print 2 "4"`,
		drive: func(t *trial) {
			var both bytes.Buffer // not safe for concurrent use: the race detector tells
			t.cfg.Stdout, t.cfg.Stderr = &both, &both
			t.same(t.wait(t.start(t.endless())), nil)
			if got, want := both.String(), "1 2 3 4"; got != want {
				t.Errorf("the Writer got %q, want %q", got, want)
			}
		},
	},
	{
		Name: "Streams/ClosedPipe",
		Why:  "stdout without a reader is EPIPE to the guest and does no harm to the host, whose own stdout it may be",
		script: `transcript 2
			write 1 lost => EPIPE
			write 1 lost => EPIPE ; component: EIO`,
		prepare: func(t *trial) {
			r, w := pipe(t)
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			t.cfg.Stdout = w
		},
		drive: func(t *trial) {
			t.same(t.wait(t.start(t.endless())), nil)
			t.c.script.check(t, t.stderr.String(), t.dir)
		},
	},
	{
		Name: "Streams/ClosedStandardOutput",
		Why: "a guest that writes to the host's own standard output has EPIPE when nobody reads it, although a Go program dies " +
			"of writing there",
		guest: "write_errno",
		drive: inProcessWithClosedStdout,
	},
	{
		Name: "Streams/FailingWriter",
		Why:  "a Writer's error is an error of the guest's write: what it took arrived, and the guest goes on",
		script: `transcript 2
			print 1 1234
			write 1 5678 => !|2
			write 1 9 => !
			exit 3`,
		drive: func(t *trial) {
			w := &limitedWriter{left: 6}
			t.cfg.Stdout = w
			t.same(t.wait(t.start(t.endless())), &engine.ExitError{Code: 3})
			t.c.script.check(t, t.stderr.String(), t.dir)
			if got, want := w.got.String(), "123456"; got != want {
				t.Errorf("the Writer got %q, want %q", got, want)
			}
		},
	},
	{
		Name: "Streams/FailingReader",
		Why:  "a Reader's error is an error of the guest's read, after what came before it",
		script: `read 0 100 => "first"
			read 0 100 => !`,
		prepare: func(t *trial) {
			t.cfg.Stdin = io.MultiReader(strings.NewReader("first"), brokenReader{})
		},
	},
	{
		Name: "Streams/Unread",
		Why:  "a guest may end without having read its input",
		prepare: func(t *trial) {
			t.cfg.Stdin = strings.NewReader(strings.Repeat("x", mebibyte))
		},
		stdout: helloLine,
	},
	{
		Name: "Streams/Kinds",
		Why:  "the standard descriptors are open at the start, and the first descriptor behind them without mounts is none",
		script: `write 1 "" => 0
			write 2 "" => 0
			filetype 3 => EBADF
			prestat 3 => EBADF
			prestat 0 => EBADF|ENOTDIR|EINVAL|ENOTSUP
			read 1 1 => !
			write 0 x => !`,
	},
	{
		Name: "Streams/NonBlocking",
		Why:  "a guest that makes its input non-blocking has EAGAIN while it is empty, and its bytes when there are some",
		script: `
			raw fd_fdstat_set_flags 0 4 => ok
			read 0 10 => EAGAIN
			raw fd_fdstat_set_flags 0 0 => ok
			print 2 ready
			read 0 10 => "x"`,
		drive: func(t *trial) {
			r, w := pipe(t)
			t.cfg.Stdin = r
			inst := t.start(t.endless())
			t.stderr.await(t, "ready")
			if _, err := w.WriteString("x"); err != nil {
				t.Fatal(err)
			}
			t.same(t.wait(inst), nil)
			t.c.script.check(t, t.stdout.String(), t.dir)
		},
	},
	{
		Name: "Streams/GuestCloses",
		Why:  "a guest that closes its descriptor 1 has closed its own, not the caller's file",
		script: `transcript 2
			close 1 => ok
			write 1 x => EBADF
			close 1 => EBADF`,
		drive: func(t *trial) {
			r, w := pipe(t)
			t.cfg.Stdout = w
			t.same(t.wait(t.start(t.endless())), nil)
			t.c.script.check(t, t.stderr.String(), t.dir)
			if _, err := w.WriteString("open"); err != nil {
				t.Fatalf("the caller's file was closed: %v", err)
			}
			b := make([]byte, 10)
			if n, err := r.Read(b); err != nil || string(b[:n]) != "open" {
				t.Errorf("read %q, %v", b[:n], err)
			}
		},
	},
}

// inProcessWithClosedStdout runs the case again in a child process, whose descriptor 1 is a pipe without a reader.
func inProcessWithClosedStdout(t *trial) {
	const marker, epipe = "ENGINETEST_CLOSED_STDOUT", 64
	if os.Getenv(marker) != "" {
		t.cfg.Stdout = os.Stdout
		fmt.Fprintf(os.Stderr, "status %d\n", engine.ExitCode(t.wait(t.start(t.endless()))))
		os.Exit(0) // before the test framework writes to standard output, and dies
	}
	r, w := pipe(t)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	pattern := "^" + strings.ReplaceAll(regexp.QuoteMeta(t.Name()), "/", "$/^") + "$"
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run="+pattern)
	temp := t.TempDir() // the child, which exits, leaves its own behind
	child.Env = append(os.Environ(), marker+"=1", "TMPDIR="+temp, "TMP="+temp)
	child.Stdout = w
	var said bytes.Buffer
	child.Stderr = &said
	err := child.Run()
	if want := fmt.Sprintf("status %d\n", epipe); err != nil || !strings.HasSuffix(said.String(), want) {
		t.Errorf("the child process ended with %v and said %q, want %q", err, said.String(), want)
	}
}

// counted checks the output of the guest's "count".
func (t *trial) counted(got string, size int) {
	t.Helper()
	if len(got) != size {
		t.Errorf("got %d bytes of output, want %d", len(got), size)
	}
	for i := 0; i+8 <= len(got); i += 8 {
		n := 0
		for _, digit := range got[i : i+7] {
			n = n*10 + int(digit-'0')
		}
		if n != i/8 {
			t.Errorf("output is out of order at byte %d: %q", i, got[i:i+8])
			return
		}
	}
}
