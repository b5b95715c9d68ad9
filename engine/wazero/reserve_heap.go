//go:build !((linux || darwin) && (amd64 || arm64))

package wazero

// reservation is nothing where address space cannot be reserved: memory grows on Go's heap.
type reservation struct{}

func (*reservation) commit(now []byte, size, _ uint64) ([]byte, bool) { return grow(now, size), true }

func (*reservation) release() {}
