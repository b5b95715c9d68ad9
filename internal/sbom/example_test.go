package main

import "fmt"

func Example() {
	fmt.Println(identify("Permission is hereby granted, free of charge, to any person…\nTHE SOFTWARE IS PROVIDED \"AS IS\"…"))
	// Output: MIT <nil>
}
