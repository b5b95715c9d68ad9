package preview1_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"slices"

	"github.com/wasmoci/wasmoci/wasi"
	"github.com/wasmoci/wasmoci/wasi/preview1"
)

// An adapter offers the functions of the table to a guest, and gives each call the guest's memory as it is then. Here the
// guest is the example itself.
func Example() {
	host, err := preview1.New(context.Background(), &wasi.Config{Args: []string{"greeter"}, Stdout: os.Stdout})
	if err != nil {
		panic(err)
	}
	defer host.Close()

	memory := make([]byte, 65536)
	call := func(name string, args ...uint64) preview1.Errno {
		i := slices.IndexFunc(preview1.Table(), func(f preview1.Func) bool { return f.Name == name })
		return host.Call(i, memory, args)
	}

	const array, text, written = 0, 64, 128
	n := copy(memory[text:], "hello from a guest\n")
	binary.LittleEndian.PutUint32(memory[array:], text)
	binary.LittleEndian.PutUint32(memory[array+4:], uint32(n))
	fmt.Println("errno", call("fd_write", 1, array, 1, written))
	fmt.Println("errno", call("fd_write", 9, array, 1, written), "where nothing is open")

	if call("proc_exit", 3) == preview1.Stop {
		code, _ := host.Exited()
		fmt.Println("exited with", code)
	}

	// Output:
	// hello from a guest
	// errno 0
	// errno 8 where nothing is open
	// exited with 3
}
