// Package userns tells whose files are in a user namespace, where users have other numbers than outside, or none: rootless podman runs
// everything in one. On systems other than Linux there are no user namespaces, and everybody is who he is.
package userns
