// Command work is a guest that computes as programs in Go do: it hashes, fills a map, sorts, joins strings and calls itself, as often as
// its argument says.
package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"slices"
	"strings"
)

func fib(n int) int {
	if n < 2 {
		return n
	}
	return fib(n-1) + fib(n-2)
}

func main() {
	times := 1
	if len(os.Args) > 1 {
		if _, err := fmt.Sscan(os.Args[1], &times); err != nil {
			panic(err)
		}
	}
	for range times {
		counts := make(map[string]int)
		var sum [sha256.Size]byte
		for i := range 40_000 {
			sum = sha256.Sum256(sum[:])
			counts[fmt.Sprintf("%x", sum[:2])] += i
		}
		var keys []string
		for k := range counts {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		fmt.Println(len(strings.Join(keys, ",")), fib(30))
	}
}
