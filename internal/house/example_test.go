package house

import "fmt"

func Example() {
	fmt.Println(isStd("os/exec"), isStd("wasi/vfs"), isStd(wazero))
	// Output: true false false
}
