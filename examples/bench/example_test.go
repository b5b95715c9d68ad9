package main

import (
	"fmt"
	"time"
)

func Example() {
	r := row{what: "a promise", measured: 3 * time.Millisecond, against: 2 * time.Millisecond, limit: 1.6}
	fmt.Printf("%.2f of at most %.2f\n", r.ratio(), r.limit)
	// Output: 1.50 of at most 1.60
}
