package runner

// Need is what a runner takes of its container's limits for itself, before anything of the guest's. Below it, it cannot be
// promised to start, or to end as it should.
type Need struct {
	Pids         int64 // threads: of the pids controller, and of RLIMIT_NPROC of its user
	OpenFiles    int64 // RLIMIT_NOFILE, with First and the run's mounts
	AddressSpace int64 // RLIMIT_AS, bytes, without the guest's linear memory
	Data         int64 // RLIMIT_DATA, bytes, without the guest's linear memory
	Memory       int64 // memory controller, bytes, without the guest's linear memory
}
