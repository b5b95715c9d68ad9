package runner

import "os"

// Main is the main of a runner: it does what the package documentation says, and never returns. Its exit status is the guest's
// ([engine.ExitCode]); where the guest could not be run it is 125 or 126, and standard error has a line that says why
// ([engine.Report]). The process is Main's alone: nothing else handles signals in it, and it has no other guest.
func Main() { os.Exit(main()) }

// program is the name before each line of a runner's messages.
const program = "wasmoci"
