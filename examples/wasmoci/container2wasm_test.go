//go:build root && linux

package main

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// framesCommand connects to ADDRESS as soon as somebody listens there, and speaks the protocol of QEMU's socket networks: frames with their
// length in front, which have to come back. It sends one of each SIZE, and then an empty one.
//
//	frames ADDRESS SIZE...
func framesCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: frames ADDRESS SIZE...")
	}
	var conn net.Conn
	for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		var err error
		if conn, err = net.Dial("tcp4", args[0]); err == nil {
			break
		}
		if time.Since(begun) > time.Minute {
			ts.Fatalf("%v", err)
		}
	}
	defer conn.Close()
	ts.Check(conn.SetDeadline(time.Now().Add(time.Minute)))
	for i, text := range append(args[1:], "0") {
		size, err := strconv.Atoi(text)
		ts.Check(err)
		frame := append(binary.BigEndian.AppendUint32(nil, uint32(size)), bytes.Repeat([]byte{byte(i + 1)}, size)...)
		sent := make(chan error, 1)
		go func() {
			_, err := conn.Write(frame)
			sent <- err
		}()
		back := make([]byte, len(frame))
		_, err = io.ReadFull(conn, back)
		ts.Check(err)
		ts.Check(<-sent)
		if !bytes.Equal(back, frame) {
			ts.Fatalf("frame %d came back as another", i)
		}
	}
}
