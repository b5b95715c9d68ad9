// Package clients has the tests of the program wasmoci under real clients: podman, and containerd by its own client and as Kubernetes has it,
// with both delegates, crun and runc; and as CRI-O calls it. Its files have the build tag clients; make test-clients runs them, as root, on
// Linux, with the packages that make deps installs.
//
// Nothing of the host is used or changed: the tests run in namespaces of their own (processes, mounts, network), where /etc, /usr/local
// and /var are the host's with everything written to memory, and /run and the clients' storage are empty. Images are made of programs that
// the tests build, FROM scratch; no registry is asked.
//
// A case runs as a native program on the bare delegate, which proves that the case is right; the same through wasmoci, which must not be
// told apart; and as the guest that was built of the same source, on each engine that has a runner: with both delegates, unless the
// delegate has nothing to do with it. What a case expects is the same for all of them, except where it says otherwise.
package clients
