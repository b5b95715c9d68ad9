package runner

import (
	"fmt"
	"net"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"

	"github.com/wasmoci/wasmoci/wasi"
	"github.com/wasmoci/wasmoci/wasi/vfs"
)

// listeners opens the order's sockets, for a runner whose first descriptor is first. They stay open until the process ends.
func (o *Order) listeners(first int) ([]wasi.Listener, error) {
	all := make([]wasi.Listener, len(o.Sockets))
	for i, s := range o.Sockets {
		if s.FD >= first {
			return nil, fmt.Errorf("runner: order: Sockets[%d]: descriptor %d is the runner's own", i, s.FD)
		}
		file, err := s.open()
		if err != nil {
			return nil, fmt.Errorf("runner: socket %q: %w", s.Name, err)
		}
		if all[i], err = vfs.Handed(file); err != nil {
			return nil, fmt.Errorf("runner: socket %q: %w", s.Name, err)
		}
		all[i].Name = s.Name
	}
	return all, nil
}

func (s *Socket) open() (*os.File, error) {
	if s.Address != "" {
		return listenAt(s.Address)
	}
	unix.CloseOnExec(s.FD)
	return os.NewFile(uintptr(s.FD), s.Name), nil
}

// listenAt makes a socket that listens.
func listenAt(address string) (*os.File, error) {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, err
	}
	network := "tcp6" // at every address of both kinds, if it is [::]
	if at.Addr().Is4() {
		network = "tcp4"
	} else if at.Addr().IsUnspecified() {
		network = "tcp"
	}
	l, err := net.ListenTCP(network, net.TCPAddrFromAddrPort(at))
	if err != nil {
		return nil, err
	}
	defer l.Close()
	return l.File()
}
