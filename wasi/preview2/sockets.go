package preview2

// socketInterfaces are those of wasi:sockets whose resources no guest ever gets, so that none of their methods is ever called.
var socketInterfaces = []string{"wasi:sockets/tcp", "wasi:sockets/udp", "wasi:sockets/ip-name-lookup"}

// socketsTable is wasi:sockets, which languages' libraries import whether a program uses sockets or not. Creating one and
// looking a name up is access-denied: no network is granted.
var socketsTable = []Func{
	{"wasi:sockets/instance-network", "instance-network", "() -> own<network>", func(h *Host, _ []Value) (Value, error) {
		return h.resources.add(typeNetwork, network{}), nil
	}},
	{"wasi:sockets/tcp-create-socket", "create-tcp-socket", "($family) -> result<own<tcp-socket>, $socket-error>", denied},
	{"wasi:sockets/udp-create-socket", "create-udp-socket", "($family) -> result<own<udp-socket>, $socket-error>", denied},
	{"wasi:sockets/ip-name-lookup", "resolve-addresses", "(borrow<network>, string) -> result<own<resolve-address-stream>, $socket-error>", denied},
	{"wasi:sockets/tcp", "", "", unreachable},
	{"wasi:sockets/udp", "", "", unreachable},
	{"wasi:sockets/ip-name-lookup", "", "", unreachable},
}

// socketErrors is the enum error-code of wasi:sockets/network.
var socketErrors = []string{
	"unknown", "access-denied", "not-supported", "invalid-argument", "out-of-memory", "timeout", "concurrency-conflict",
	"not-in-progress", "would-block", "invalid-state", "new-socket-limit", "address-not-bindable", "address-in-use",
	"remote-unreachable", "connection-refused", "connection-reset", "connection-aborted", "datagram-too-large",
	"name-unresolvable", "temporary-resolver-failure", "permanent-resolver-failure",
}

// network is a resource that grants nothing.
type network struct{}

func denied(*Host, []Value) (Value, error) {
	return Result{Err: true, Value: Enum("access-denied")}, nil
}

func unreachable(*Host, []Value) (Value, error) {
	violate("there is no socket")
	return nil, nil
}
