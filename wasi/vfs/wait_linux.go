package vfs

import (
	"errors"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Waiting costs no thread. What a guest waits for is put into an epoll instance of its own, which is itself something that
// Go's runtime can wait for: the guest's goroutine is parked on that. The descriptors waited for are the caller's and
// shared with who knows whom, so they could not be given to the runtime, which wants them not to block.

// controller keeps a descriptor open while a function uses it. A [syscall.RawConn] is one.
type controller interface {
	Control(f func(fd uintptr)) error
}

type descriptor struct {
	conn   controller
	events int16
	own    *lookout // for the descriptor alone, if the runtime has it already
}

// lookout is where a goroutine is parked until something is ready, one at a time.
type lookout struct {
	file  *os.File
	park  func(f func(fd uintptr) bool) error // conn's Read or Write
	until func(time.Time) error               // the deadline of park
	ready func(fd uintptr) bool               // fields rather than closures, so that a wait allocates nothing
	epoll int                                 // the descriptor of file
	event [1]unix.EpollEvent
}

// newLookout returns an epoll instance with nothing in it, or nil where the system has none to give.
func newLookout() *lookout {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil
	}
	if err := unix.SetNonblock(fd, true); err != nil { // for the runtime: epoll itself does not care
		closeFD(fd)
		return nil
	}
	l := &lookout{file: os.NewFile(uintptr(fd), "epoll"), epoll: fd}
	l.ready, l.until = l.look, l.file.SetReadDeadline
	conn, err := l.file.SyscallConn()
	if err == nil {
		err = l.until(time.Time{})
	}
	if err != nil { // the runtime does not take it
		_ = l.file.Close()
		return nil
	}
	l.park = conn.Read
	return l
}

// lookoutOf is for one of the events of file, or nil where the runtime does not have it. It needs no descriptor, and any
// number of guests can wait for one socket so.
func lookoutOf(file *os.File, conn syscall.RawConn, events int16) *lookout {
	l := &lookout{file: file, park: conn.Read, until: file.SetReadDeadline}
	if events == unix.POLLOUT {
		l.park, l.until = conn.Write, file.SetWriteDeadline
	}
	l.ready = func(fd uintptr) bool { return isReady(int32(fd), events) }
	if l.until(time.Time{}) != nil {
		return nil
	}
	return l
}

// isReady says whether fd has one of events now.
func isReady(fd int32, events int16) bool {
	fds := [1]unix.PollFd{{Fd: fd, Events: events}}
	n, err := unix.Poll(fds[:], 0)
	return n > 0 && err == nil
}

// look says whether something in l is ready.
func (l *lookout) look(fd uintptr) bool {
	for {
		n, err := unix.EpollWait(int(fd), l.event[:], 0)
		if err != unix.EINTR {
			return n > 0 || err != nil
		}
	}
}

// add begins to watch fd. settled says that there is nothing to watch: it is always ready. Otherwise an error is the
// system's limit, of what one user or one file may be watched.
func (l *lookout) add(fd int32, events int16) (settled bool, err error) {
	e := unix.EpollEvent{Events: uint32(events), Fd: fd} // EPOLLIN is POLLIN, and EPOLLOUT is POLLOUT
	err = unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, int(fd), &e)
	if err == unix.EPERM {
		return true, nil
	}
	return false, err
}

// remove is the opposite of add.
func (l *lookout) remove(fds []unix.PollFd) {
	for _, fd := range fds {
		_ = unix.EpollCtl(l.epoll, unix.EPOLL_CTL_DEL, int(fd.Fd), nil)
	}
}

// longAgo is a deadline that ends a wait at once.
var longAgo = time.Unix(1, 0)

// lookouts are those of a Stop.
type lookouts struct {
	idle   *lookout   // an epoll instance, made when first needed and kept until Close
	active []*lookout // being waited at
}

func (l *lookouts) close() {
	if l.idle != nil {
		_ = l.idle.file.Close()
		l.idle = nil
	}
}

// wake ends the waits under way. What it is about is known before: who begins to wait afterwards looks first.
func (s *Stop) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lookouts.active {
		_ = l.until(longAgo)
	}
}

// begin returns a lookout that wake wakes, ready to wait until the deadline: own, or an epoll instance; nil where there is
// none.
func (s *Stop) begin(own *lookout, deadline time.Time) *lookout {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := own
	if l == nil {
		if l, s.lookouts.idle = s.lookouts.idle, nil; l == nil {
			if l = newLookout(); l == nil {
				return nil
			}
		}
	}
	s.lookouts.active = append(s.lookouts.active, l)
	_ = l.until(deadline)
	return l
}

// finish gives back what begin returned.
func (s *Stop) finish(own, l *lookout) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.Index(s.lookouts.active, l)
	s.lookouts.active = slices.Delete(s.lookouts.active, at, at+1)
	switch {
	case own != nil:
	case s.closed || s.lookouts.idle != nil:
		_ = l.file.Close()
	default:
		s.lookouts.idle = l
	}
}

// waitFor waits until fd has one of d's events or stop ends.
func (s *Stop) waitFor(fd uintptr, d descriptor) error {
	for {
		if ready, err := s.waitUntil(time.Time{}, fd, d); ready || err != nil {
			return err
		}
	}
}

// waitUntil is waitFor with a deadline, if it is not zero. It may come back early.
func (s *Stop) waitUntil(deadline time.Time, fd uintptr, d descriptor) (ready bool, err error) {
	if s.Ended() {
		return false, ErrStopped
	}
	if isReady(int32(fd), d.events) {
		return true, nil
	}
	fds := [1]unix.PollFd{{Fd: int32(fd), Events: d.events}}
	return false, s.park(deadline, d.own, fds[:], nil)
}

// wait waits until one of streams may be ready, deadline is reached, or wake is called.
func (s *Stop) wait(deadline time.Time, streams []Pollable) error {
	var own *lookout
	if len(streams) == 1 {
		d, _ := streams[0].descriptor()
		own = d.own
	}
	return s.withDescriptors(streams, make([]unix.PollFd, 0, len(streams)), func(fds []unix.PollFd) error {
		return s.park(deadline, own, merge(fds), streams)
	})
}

// park waits until one of fds, each of them there once, may be ready, deadline is reached, or wake is called. It looks at
// streams once more before it waits.
func (s *Stop) park(deadline time.Time, own *lookout, fds []unix.PollFd, streams []Pollable) error {
	if linger(deadline, fds) {
		return nil
	}
	l := s.begin(own, deadline)
	if l == nil {
		return s.lookLater(deadline)
	}
	defer s.finish(own, l)
	if s.Ended() {
		return ErrStopped
	}
	for _, p := range streams { // what became ready before there was anything to wake
		if _, ok := p.ready(); ok {
			return nil
		}
	}
	if own == nil {
		for i, fd := range fds {
			settled, err := l.add(fd.Fd, fd.Events)
			if settled || err != nil {
				l.remove(fds[:i])
			}
			switch {
			case settled:
				return nil
			case err != nil:
				return s.lookLater(deadline)
			}
		}
		defer l.remove(fds)
	}
	if err := l.park(l.ready); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return s.lookLater(deadline)
	}
	if s.Ended() {
		return ErrStopped
	}
	return nil
}

// A goroutine that is parked is woken by way of Go's runtime, which takes several times as long as the kernel does to wake a
// thread. Who answers soon is waited for with a thread, therefore, but not for long, and only by a few guests at once.
const (
	lingerTime    = 500 * time.Microsecond
	mostLingering = 4
)

var lingering atomic.Int32

// linger waits a little while for one of fds, and says whether one is ready.
func linger(deadline time.Time, fds []unix.PollFd) bool {
	wait := lingerTime
	if !deadline.IsZero() {
		wait = min(wait, time.Until(deadline))
	}
	if len(fds) == 0 || wait <= 0 {
		return false
	}
	defer lingering.Add(-1)
	if lingering.Add(1) > mostLingering {
		return false
	}
	timeout := unix.NsecToTimespec(wait.Nanoseconds())
	n, err := unix.Ppoll(fds, &timeout, nil)
	return n > 0 && err == nil
}

// lookInterval is long enough for a thousand guests which look at one pipe to leave the processors to others.
const lookInterval = 100 * time.Millisecond

// lookLater waits a moment, where the system does not watch: it has no descriptor left, or it watches one pipe or terminal
// for 500 guests already, which is its limit.
func (s *Stop) lookLater(deadline time.Time) error {
	later := time.Now().Add(lookInterval)
	if !deadline.IsZero() && deadline.Before(later) {
		later = deadline
	}
	if !s.Sleep(later) {
		return ErrStopped
	}
	return nil
}

// merge returns fds with each descriptor once.
func merge(fds []unix.PollFd) []unix.PollFd {
	slices.SortFunc(fds, func(a, b unix.PollFd) int { return int(a.Fd) - int(b.Fd) })
	merged := fds[:0]
	for _, fd := range fds {
		if last := len(merged) - 1; last >= 0 && merged[last].Fd == fd.Fd {
			merged[last].Events |= fd.Events
		} else {
			merged = append(merged, fd)
		}
	}
	return merged
}

// withDescriptors calls f with the descriptors of streams, each kept open by its file's lock.
func (s *Stop) withDescriptors(streams []Pollable, fds []unix.PollFd, f func([]unix.PollFd) error) error {
	for i, p := range streams {
		d, ok := p.descriptor()
		if !ok {
			continue
		}
		var err error
		if cerr := d.conn.Control(func(fd uintptr) {
			err = s.withDescriptors(streams[i+1:], append(fds, unix.PollFd{Fd: int32(fd), Events: d.events}), f)
		}); cerr != nil {
			return nil // closed by the caller: ready, with a hang-up
		}
		return err
	}
	return f(fds)
}
