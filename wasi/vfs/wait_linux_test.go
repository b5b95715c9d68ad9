package vfs

import (
	"context"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// guestsWait has many guests wait at once, each with a Stop of its own, and returns how many more threads and descriptors
// the process has meanwhile. end must end the wait; it is given what ends the guests' context.
func guestsWait(t *testing.T, many int, end func(cancel func()), wait func(i int, stop *Stop) error) (threads, fds int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	threadsBefore, before := threadCount(t), descriptors(t)
	var guests sync.WaitGroup
	ended := make([]error, many)
	stops := make([]*Stop, many)
	for i := range many {
		stops[i] = NewStop(ctx)
		guests.Go(func() {
			ended[i] = wait(i, stops[i])
			stops[i].Close()
		})
	}
	for late := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if !slices.ContainsFunc(stops, func(s *Stop) bool { return !s.isWaiting() }) {
			break
		}
		if time.Now().After(late) {
			t.Error("not all of them wait")
			break
		}
	}
	threads, fds = threadCount(t)-threadsBefore, descriptors(t)-before
	end(cancel)
	guests.Wait()
	for i, err := range ended {
		if want := ctx.Err(); (err == ErrStopped) != (want != nil) || err != nil && err != ErrStopped {
			t.Fatalf("guest %d: %v, and the context %v", i, err, want)
		}
	}
	if after := descriptors(t); after > before {
		t.Errorf("%d descriptors left open", after-before)
	}
	return threads, fds
}

func (s *Stop) isWaiting() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.lookouts.active) > 0
}

func threadCount(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "\nThreads:\t")
	line, _, _ := strings.Cut(rest, "\n")
	n, err := strconv.Atoi(line)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestManyWait: a guest that waits takes no thread, and one descriptor at most. All of them are released by what they wait for, and
// by the end of their context.
func TestManyWait(t *testing.T) {
	const many = 300
	stopped := func(cancel func()) { cancel() }
	fewThreads := func(t *testing.T, threads int) {
		t.Helper()
		if threads > many/10 {
			t.Errorf("%d guests took %d threads", many, threads)
		}
	}
	readOne := func(stop *Stop, in Input) error {
		_, err := in.Read(stop, make([]byte, 1))
		return err
	}
	t.Run("read, then stopped", func(t *testing.T) {
		ins := make([]Input, many)
		for i := range ins {
			r, _ := blockingPipe(t)
			ins[i] = input(t, r)
		}
		threads, fds := guestsWait(t, many, stopped, func(i int, stop *Stop) error { return readOne(stop, ins[i]) })
		fewThreads(t, threads)
		if fds > many+10 {
			t.Errorf("%d guests took %d descriptors", many, fds)
		}
	})
	t.Run("poll, then there", func(t *testing.T) {
		ins, outs := make([]Input, many), make([]*os.File, many)
		for i := range ins {
			var r *os.File
			r, outs[i] = osPipe(t)
			ins[i] = input(t, r)
		}
		threads, _ := guestsWait(t, many, func(func()) {
			for _, w := range outs {
				w.WriteString("x")
			}
		}, func(i int, stop *Stop) error {
			got, err := Poll(stop, time.Now().Add(time.Hour), []Pollable{ins[i]})
			if err == nil && got[0] == nil {
				t.Error("woken for nothing")
			}
			return err
		})
		fewThreads(t, threads)
	})
	t.Run("full pipes", func(t *testing.T) {
		outs := make([]Output, many)
		for i := range outs {
			_, w := osPipe(t)
			outs[i] = output(t, w)
		}
		threads, _ := guestsWait(t, many, stopped, func(i int, stop *Stop) error {
			_, err := outs[i].Write(stop, make([]byte, 1<<20))
			return err
		})
		fewThreads(t, threads)
	})
	t.Run("accept at one listener", func(t *testing.T) {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: t.TempDir() + "/s", Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		f, err := l.File()
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		sockets := make([]*Socket, many)
		for i := range sockets {
			if sockets[i], err = NewSocket(f, false); err != nil {
				t.Fatal(err)
			}
			defer sockets[i].Close()
		}
		threads, fds := guestsWait(t, many, stopped, func(i int, stop *Stop) error {
			if i%2 == 0 {
				_, err := sockets[i].Accept(stop, true)
				return err
			}
			_, err := Poll(stop, time.Time{}, []Pollable{sockets[i].Readable()})
			return err
		})
		fewThreads(t, threads)
		if fds > 10 {
			t.Errorf("%d guests took %d descriptors", many, fds)
		}
	})
}

// TestManyAtOnePipe: more guests than the kernel lets wait for one file through epoll instances that are polled themselves.
func TestManyAtOnePipe(t *testing.T) {
	const many = 600
	for _, name := range []string{"stopped", "there"} {
		t.Run(name, func(t *testing.T) {
			r, w := blockingPipe(t)
			in := input(t, r)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			threads := threadCount(t)
			var guests sync.WaitGroup
			for range many {
				guests.Go(func() {
					stop := NewStop(ctx)
					defer stop.Close()
					_, err := Poll(stop, time.Time{}, []Pollable{in})
					if (err == ErrStopped) != (name == "stopped") || err != nil && err != ErrStopped {
						t.Error(err)
					}
				})
			}
			time.Sleep(30 * time.Millisecond)
			if more := threadCount(t) - threads; more > many/10 {
				t.Errorf("%d guests took %d threads", many, more)
			}
			if name == "stopped" {
				cancel()
			} else {
				w.WriteString("x")
			}
			guests.Wait()
		})
	}
}

// TestOneStopTwice: two waits on one Stop do not disturb each other.
func TestOneStopTwice(t *testing.T) {
	r1, w1 := osPipe(t)
	r2, _ := osPipe(t)
	stop, begin, _ := ending(t)
	first, second := make(chan error), make(chan error)
	wait := func(r *os.File, done chan<- error) {
		_, err := input(t, r).Read(stop, make([]byte, 1))
		done <- err
	}
	go wait(r1, first)
	go wait(r2, second)
	for late := time.Now().Add(10 * time.Second); time.Now().Before(late); time.Sleep(time.Millisecond) {
		stop.mu.Lock()
		n := len(stop.lookouts.active)
		stop.mu.Unlock()
		if n == 2 {
			break
		}
	}
	w1.WriteString("x")
	if err := <-first; err != nil {
		t.Errorf("the first: %v", err)
	}
	select {
	case err := <-second:
		t.Errorf("the second: %v", err)
	case <-time.After(10 * time.Millisecond):
	}
	begin()
	if err := <-second; err != ErrStopped {
		t.Errorf("the second: %v", err)
	}
}

// TestMerge: a descriptor that several streams share is waited for by what each of them wants, and nothing else: an output must not
// be woken by input.
func TestMerge(t *testing.T) {
	in, out := int16(unix.POLLIN), int16(unix.POLLOUT)
	for _, c := range []struct {
		name      string
		fds, want []unix.PollFd
	}{
		{"none", nil, nil},
		{"one", []unix.PollFd{{Fd: 3, Events: in}}, []unix.PollFd{{Fd: 3, Events: in}}},
		{"two outputs", []unix.PollFd{{Fd: 3, Events: out}, {Fd: 3, Events: out}}, []unix.PollFd{{Fd: 3, Events: out}}},
		{
			"both ways, with another between",
			[]unix.PollFd{{Fd: 7, Events: in}, {Fd: 3, Events: in}, {Fd: 7, Events: out}},
			[]unix.PollFd{{Fd: 3, Events: in}, {Fd: 7, Events: in | out}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := merge(slices.Clone(c.fds)); !slices.Equal(got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

// TestSharedDescriptorIsIdle: waiting for an output that is one file with an input which has something to read does not use the
// processor.
func TestSharedDescriptorIsIdle(t *testing.T) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	near, far := os.NewFile(uintptr(pair[0]), "near"), os.NewFile(uintptr(pair[1]), "far")
	defer near.Close()
	defer far.Close()
	far.WriteString("to read")
	fill(t, near)
	first, second := output(t, near), output(t, near)
	before, begun := threadTimes(t), time.Now()
	got, err := Poll(endless(t), begun.Add(50*time.Millisecond), []Pollable{first, second})
	if err != nil || got[0] != nil || got[1] != nil {
		t.Errorf("%v, %v", got, err)
	}
	if used, waited := threadTimes(t)-before, time.Since(begun); used > waited/2 {
		t.Errorf("%v of processor time in %v", used, waited)
	}
}
