// Package oci plans the run of a WebAssembly guest from an OCI runtime specification.
package oci
