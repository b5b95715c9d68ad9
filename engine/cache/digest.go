package cache

import (
	"crypto/sha256"
	"io"
	"os"
)

// readDigest is the digest of what f has from where it is.
func readDigest(f *os.File) (digest [sha256.Size]byte, err error) {
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return digest, err
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}
