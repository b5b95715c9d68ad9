// Package delegate finds and calls the OCI runtime that makes containers: crun, runc, or any other with their command line.
package delegate
