package runner

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/wasmoci/wasmoci/wasi"
)

// boundMemory leaves the guest what the process's own limits leave beyond what the runner needs: at such a limit a guest's memory
// must fail to grow, not Go's.
func boundMemory(o *Order, module int64) error {
	var space, data unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_AS, &space); err != nil {
		return fmt.Errorf("runner: %w", os.NewSyscallError("getrlimit", err))
	}
	if err := unix.Getrlimit(unix.RLIMIT_DATA, &data); err != nil {
		return fmt.Errorf("runner: %w", os.NewSyscallError("getrlimit", err))
	}
	if space.Cur == unix.RLIM_INFINITY && data.Cur == unix.RLIM_INFINITY {
		return nil
	}
	var code int64
	err := filepath.WalkDir(o.CodeDir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		st, err := d.Info()
		if err == nil {
			code += st.Size()
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("runner: size of the code: %w", err)
	}
	need := Needs(o.Engine, module, code, 0)
	if err := boundBy(&o.Config.Limits, "RLIMIT_AS", space.Cur, uint64(need.AddressSpace)); err != nil {
		return err
	}
	return boundBy(&o.Config.Limits, "RLIMIT_DATA", data.Cur, uint64(need.Data))
}

// boundBy is boundMemory for one limit.
func boundBy(l *wasi.Limits, name string, limit, need uint64) error {
	if limit == unix.RLIM_INFINITY {
		return nil
	}
	if limit < need+wasi.PageSize {
		return fmt.Errorf("runner: %s is %d bytes, of which the runner of the guest needs %d: raise the limit", name, limit, need)
	}
	if left := limit - need; l.MemoryBytes == 0 || left < l.MemoryBytes {
		l.MemoryBytes = left
	}
	return nil
}
