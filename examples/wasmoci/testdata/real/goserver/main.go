// Command goserver is a guest that serves HTTP on the socket it was handed, as any program that systemd starts would.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
)

func main() {
	l, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	http.HandleFunc("/greet", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "hello,", r.FormValue("name")) })
	fmt.Fprintln(os.Stderr, http.Serve(l, nil))
	os.Exit(1)
}
