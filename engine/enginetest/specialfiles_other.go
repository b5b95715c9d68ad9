//go:build !unix

package enginetest

// specialFileCases are none: the system has neither FIFOs nor sockets with a name.
var specialFileCases []Case
