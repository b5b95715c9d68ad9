// Command goguest is a guest in Go: it says what it was started with, computes on several goroutines, and ends with the
// number of its arguments.
package main

import (
	"fmt"
	"os"
	"sync"
)

func main() {
	var wg sync.WaitGroup
	sums := make([]int, 8)
	for i := range sums {
		wg.Go(func() {
			for j := range 1000 * (i + 1) {
				sums[i] += j
			}
		})
	}
	wg.Wait()
	dir, err := os.Getwd()
	fmt.Println(os.Args, os.Getenv("WHO"), dir, err, sums[7])
	os.Exit(len(os.Args) - 1)
}
