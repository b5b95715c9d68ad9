//go:build root && linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// late is when a guest that has not ended by a signal is not going to: the machine may be busy.
const late = 20 * time.Second

// cycleCommand makes, starts, kills and deletes a container TIMES times, the signal as soon as start returns. Its process must end
// with STATUS each time, 137 where that is KILL.
//
//	cycle TIMES SIGNAL STATUS DIR
func cycleCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: cycle TIMES SIGNAL STATUS DIR")
	}
	var worst time.Duration
	for i := range number(ts, args[0]) {
		pid := made(ts, args[3], "cycled")
		wasmoci(ts, "start", "cycled")
		sent := time.Now()
		wasmoci(ts, "kill", "cycled", args[1])
		worst = max(worst, ended(ts, pid, sent, number(ts, args[2]), i))
		wasmoci(ts, "delete", "cycled")
	}
	ts.Logf("the slowest end came after %v", worst)
}

// eagerCommand is cycle by a client that does not wait for start, and sends the signal when it sees the runner. Without a SIGNAL (”) it
// names none, which is TERM.
//
//	eager TIMES SIGNAL STATUS DIR
func eagerCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: eager TIMES SIGNAL STATUS DIR")
	}
	for i := range number(ts, args[0]) {
		pid := made(ts, args[3], "cycled")
		start := exec.Command("wasmoci", ts.Getenv("CONFIG"), ts.Getenv("ROOT"), "start", "cycled")
		var said strings.Builder
		start.Stderr = &said
		ts.Check(start.Start())
		for begun := time.Now(); time.Since(begun) < late; {
			if line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); strings.HasPrefix(string(line), "/dev/.wasmoci/") {
				break
			}
		}
		sent := time.Now()
		wasmoci(ts, slices.DeleteFunc([]string{"kill", "cycled", args[1]}, func(a string) bool { return a == "" })...)
		if err := start.Wait(); err != nil && !strings.Contains(said.String(), "does not wait for its start") { // the signal was there before
			ts.Fatalf("start: %v\n%s", err, &said)
		}
		ended(ts, pid, sent, number(ts, args[2]), i)
		wasmoci(ts, "delete", "cycled")
	}
}

// execsCommand is cycle for a process that exec starts in a running container, by the path and entrypoint ARG.
//
//	execs TIMES SIGNAL STATUS ID ARG...
func execsCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 5 {
		ts.Fatalf("usage: execs TIMES SIGNAL STATUS ID ARG...")
	}
	var worst time.Duration
	for i := range number(ts, args[0]) {
		wasmoci(ts, append([]string{"exec", "--detach", "--pid-file", ts.MkAbs("exec.pid"), args[3]}, args[4:]...)...)
		sent := time.Now()
		pid := number(ts, strings.TrimSpace(ts.ReadFile("exec.pid")))
		ts.Check(unix.Kill(pid, unix.SignalNum("SIG"+args[1])))
		worst = max(worst, ended(ts, pid, sent, number(ts, args[2]), i))
	}
	ts.Logf("the slowest end came after %v", worst)
}

func number(ts *testscript.TestScript, text string) int {
	n, err := strconv.Atoi(text)
	ts.Check(err)
	return n
}

// made creates a container and returns its process.
func made(ts *testscript.TestScript, dir, id string) (pid int) {
	wasmoci(ts, "create", "--bundle", ts.MkAbs(dir), "--pid-file", ts.MkAbs(id+".pid"), id)
	return number(ts, strings.TrimSpace(ts.ReadFile(id+".pid")))
}

// wasmoci runs a command that has to succeed. What it writes goes to a file, which containers may hold open.
func wasmoci(ts *testscript.TestScript, args ...string) {
	name := ts.MkAbs("out." + args[0])
	out, err := os.Create(name)
	ts.Check(err)
	defer out.Close()
	cmd := exec.Command("wasmoci", append([]string{ts.Getenv("CONFIG"), ts.Getenv("ROOT")}, args...)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = ts.Getenv("WORK"), out, out
	if err := cmd.Run(); err != nil {
		said, _ := os.ReadFile(name)
		ts.Fatalf("wasmoci %s: %v\n%s", strings.Join(args, " "), err, said)
	}
}

// ended waits for the process that a signal was sent to, and returns how long its end took.
func ended(ts *testscript.TestScript, pid int, sent time.Time, want, round int) time.Duration {
	var ws unix.WaitStatus
	for {
		got, err := unix.Wait4(pid, &ws, unix.WNOHANG, nil)
		if err == unix.EINTR {
			continue
		}
		ts.Check(err)
		if got == pid {
			break
		}
		if time.Since(sent) > late {
			stack, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
			_ = unix.Kill(pid, unix.SIGKILL)
			_, _ = unix.Wait4(pid, &ws, 0, nil)
			ts.Fatalf("round %d: it did not end within %v\n%s", round, late, stack)
		}
		time.Sleep(time.Millisecond)
	}
	how := fmt.Sprintf("exit status %d", ws.ExitStatus())
	if ws.Signaled() {
		how = fmt.Sprintf("killed by signal %d", ws.Signal())
	}
	if ws.ExitStatus() != want && (ws.Signal() != unix.SIGKILL || want != 137) {
		said, _ := os.ReadFile(ts.MkAbs("out.create"))
		ts.Fatalf("round %d: %s, want exit status %d\n%s", round, how, want, said)
	}
	return time.Since(sent)
}

// oftenCommand runs another command TIMES times.
//
//	often exits STATUS PROGRAM ARG...
func oftenCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 || args[0] != "exits" {
		ts.Fatalf("usage: often exits STATUS PROGRAM ARG...")
	}
	for range *times {
		exitsCommand(ts, false, args[1:])
	}
}

// leftCommand runs a container to its end, and prints what state says of it. Its process must end with STATUS. The container, "ended", is
// left for delete. What brings its end may be a signal, or PROGRAM, which exec starts in it, if the kernel runs out of memory: then it
// kills the container's process first.
//
//	left DIR STATUS [SIGNAL | exec PROGRAM]
func leftCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: left DIR STATUS [SIGNAL | exec PROGRAM]")
	}
	pid := made(ts, args[0], "ended")
	wasmoci(ts, "start", "ended")
	switch len(args) {
	case 3:
		wasmoci(ts, "kill", "ended", args[2])
	case 4:
		ts.Check(os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", pid), []byte("1000"), 0))
		_ = ts.Exec("wasmoci", ts.Getenv("CONFIG"), ts.Getenv("ROOT"), args[2], "ended", args[3]) // it ends with the container
	}
	ended(ts, pid, time.Now(), number(ts, args[1]), 0)
	ts.Check(ts.Exec("wasmoci", ts.Getenv("CONFIG"), ts.Getenv("ROOT"), "state", "ended"))
}
