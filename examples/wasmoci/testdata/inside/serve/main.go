// Command serve answers one connection on each socket that it was handed, as many as its argument says, and says which that is.
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
)

func main() {
	n, err := strconv.Atoi(os.Args[1])
	for fd := 3; err == nil && fd < 3+n; fd++ {
		err = serve(fd)
	}
	if err == nil {
		_, err = net.FileListener(os.NewFile(uintptr(3+n), "one more"))
		if err == nil {
			fmt.Println("there is one more")
			os.Exit(1)
		}
		err = nil
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func serve(fd int) error {
	l, err := net.FileListener(os.NewFile(uintptr(fd), "socket"))
	if err != nil {
		return err
	}
	defer l.Close()
	c, err := l.Accept()
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = fmt.Fprintf(c, "%d FDS=%s FDNAMES=%s\n", fd, os.Getenv("LISTEN_FDS"), os.Getenv("LISTEN_FDNAMES"))
	if tcp, ok := c.(interface{ CloseWrite() error }); ok && err == nil {
		_ = tcp.CloseWrite()
		_, _ = io.Copy(io.Discard, c)
	}
	return err
}
