//go:build linux

package operator

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// Listen is an address at which guests listen: their runner does, in the network of the container, and hands them the socket.
type Listen struct {
	// Address is "IP:PORT", for TCP.
	Address string `toml:"address"`
	// Annotations are those that a container has to have, all of them with these values, to get it; without any, every WebAssembly
	// container does.
	Annotations map[string]string `toml:"annotations"`
}

func (l *Listen) validate(name string) error {
	at, err := netip.ParseAddrPort(l.Address)
	if err == nil && at.Port() == 0 {
		err = errors.New("the port is 0")
	}
	if err == nil && (name == "" || strings.ContainsAny(name, ":\x00") || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r > '~' })) {
		err = errors.New("its name has to be of ASCII, without a colon") // as in LISTEN_FDNAMES
	}
	if err != nil {
		return fmt.Errorf("listen.%s: address %q: %w", name, l.Address, err)
	}
	return nil
}

// listening is what Listen says, on one line.
func (c *Config) listening() string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(c.Listen)) {
		l := c.Listen[name]
		one := name + "=" + l.Address
		for _, k := range slices.Sorted(maps.Keys(l.Annotations)) {
			one += fmt.Sprintf(" %s=%q", k, l.Annotations[k])
		}
		all = append(all, one)
	}
	return strings.Join(all, ", ")
}

// Listeners are the names of what a container with these annotations gets, in order.
func (c *Config) Listeners(annotations map[string]string) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(c.Listen)) {
		has := true
		for k, want := range c.Listen[name].Annotations {
			got, there := annotations[k]
			has = has && there && got == want
		}
		if has {
			names = append(names, name)
		}
	}
	return names
}
