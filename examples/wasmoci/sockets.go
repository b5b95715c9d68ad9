//go:build linux

package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/wasmoci/wasmoci/engine/runner"
	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/operator"
	"github.com/wasmoci/wasmoci/wasi"
	"github.com/wasmoci/wasmoci/wasi/vfs"
)

// giveSockets has the guest of order get the caller's descriptors, which are open in c, under the same numbers as a native process would,
// and then those listeners of the operator's that are named. What the caller gives has to be sockets: there is nothing else that a guest
// can be handed.
func (c *container) giveSockets(order *runner.Order, s *operator.Settings, named []string) error {
	names := c.handed.names()
	for i, f := range c.files {
		if _, err := vfs.Handed(f); err != nil {
			return fmt.Errorf("--preserve-fds (and LISTEN_FDS): descriptor %d %w: a WebAssembly guest can be handed sockets only; give it files by mounts", 3+i, err)
		}
		order.Sockets = append(order.Sockets, runner.Socket{Name: names[i], FD: 3 + i})
	}
	for _, name := range named {
		order.Sockets = append(order.Sockets, runner.Socket{Name: name, Address: s.Listen[name].Address})
		names = append(names, name)
	}
	if c.handed.listen+len(named) > 0 {
		announce(&order.Config, names)
	}
	return nil
}

// names are what the service manager calls its descriptors, and a place for each other one.
func (h handed) names() []string {
	names := slices.Repeat([]string{"unknown"}, h.all()) // systemd's word
	if given := strings.Split(os.Getenv("LISTEN_FDNAMES"), ":"); len(given) == h.listen {
		copy(names, given)
	}
	return names
}

// announce tells the guest of its sockets as a service manager tells a service. There is no LISTEN_PID: a guest has no number.
func announce(cfg *wasi.Config, names []string) {
	cfg.Env = slices.DeleteFunc(slices.Clone(cfg.Env), func(e string) bool {
		return strings.HasPrefix(e, "LISTEN_FDS=") || strings.HasPrefix(e, "LISTEN_FDNAMES=") || strings.HasPrefix(e, "LISTEN_PID=")
	})
	cfg.Env = append(cfg.Env, "LISTEN_FDS="+strconv.Itoa(len(names)), "LISTEN_FDNAMES="+strings.Join(names, ":"))
}

// inherit has a guest in this process get the sockets that a service manager has handed to it.
func inherit(cfg *wasi.Config) error {
	if pid := os.Getenv("LISTEN_PID"); pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return nil // another's
	}
	h, err := handedOver(0)
	if err != nil || h.listen == 0 {
		return err
	}
	c := container{handed: h}
	if err := c.openCallers(); err != nil {
		return err
	}
	names := h.names()
	for i, f := range c.files {
		l, err := vfs.Handed(f)
		if err != nil {
			return fmt.Errorf("LISTEN_FDS: descriptor %d %w", 3+i, err)
		}
		l.Name = names[i]
		cfg.Listeners = append(cfg.Listeners, l)
	}
	announce(cfg, names)
	return nil
}
