//go:build !unix

package enginetest

// fifoCases are none: the system has no FIFOs.
var fifoCases []Case
