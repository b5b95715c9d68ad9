// Command hello is the native program that a guest in a child process is compared with.
package main

import "os"

func main() {
	if _, err := os.Stdout.WriteString("Hello\n"); err != nil {
		os.Exit(1)
	}
}
