package preview2

import (
	"slices"
	"strings"
	"sync"
)

// Func is a function of WASI 0.2.
type Func struct {
	Interface string // "wasi:cli/environment", without a version
	Name      string // "get-arguments", "[method]descriptor.stat"
	// Type is its type as WIT has it, with every name but those of resources written out and without those of parameters:
	// "(borrow<output-stream>, list<u8>) -> result<_, variant{last-operation-failed(own<error>), closed}>". A function
	// without a result ends in "-> ()". "" stands for any: the function needs a resource that no guest ever gets.
	Type string

	call func(h *Host, a []Value) (Value, error)
}

// Version is that of WASI: guests made for any 0.2 run on it.
const Version = "0.2"

// Table returns every function, which the index says to [Host.Call]. It must not be modified.
func Table() []Func {
	complete()
	return table
}

// Find returns the index of a function that a component imports by the instance "wasi:cli/environment@0.2.3" and the name
// "get-arguments". Of a version other than 0.2 there is none.
func Find(instance, name string) (i int, ok bool) {
	iface, ok := unversioned(instance)
	if !ok {
		return 0, false
	}
	complete()
	if i, ok = index[[2]string{iface, name}]; !ok && slices.Contains(socketInterfaces, iface) && strings.HasPrefix(name, "[method]") {
		i, ok = index[[2]string{iface, ""}]
	}
	return i, ok
}

// FindResource returns the index of a resource type that a component imports.
func FindResource(instance, name string) (i int, ok bool) {
	complete()
	iface, ok := unversioned(instance)
	if !ok || !slices.Contains(interfaces, iface) {
		return 0, false
	}
	i = slices.Index(resourceTypes, name)
	return i, i >= 0
}

// unversioned takes "@0.2.3" off.
func unversioned(instance string) (string, bool) {
	iface, version, _ := strings.Cut(instance, "@")
	return iface, strings.HasPrefix(version, Version+".")
}

var (
	index      = make(map[[2]string]int)
	interfaces []string
)

var table = slices.Concat(cliTable, clocksTable, randomTable, ioTable, filesystemTable, socketsTable)

// complete writes the types out, for whoever looks at the table first: a process without components does not spend the time.
var complete = sync.OnceFunc(func() {
	written := []string{
		"$stat", "record{type: $type, link-count: u64, size: u64, data-access-timestamp: option<$datetime>, " +
			"data-modification-timestamp: option<$datetime>, status-change-timestamp: option<$datetime>}",
		"$datetime", "record{seconds: u64, nanoseconds: u32}",
		"$error-code", "enum{" + strings.Join(errorCodes, ", ") + "}",
		"$stream-error", "variant{last-operation-failed(own<error>), closed}",
		"$type", "enum{" + strings.Join(fileTypes, ", ") + "}",
		"$path-flags", "flags{symlink-follow}",
		"$open-flags", "flags{create, directory, exclusive, truncate}",
		"$descriptor-flags", "flags{read, write, file-integrity-sync, data-integrity-sync, requested-write-sync, mutate-directory}",
		"$time", "variant{no-change, now, timestamp(record{seconds: u64, nanoseconds: u32})}",
		"$advice", "enum{" + strings.Join(advices, ", ") + "}",
		"$hash", "record{lower: u64, upper: u64}",
		"$socket-error", "enum{" + strings.Join(socketErrors, ", ") + "}",
		"$family", "enum{ipv4, ipv6}",
	}
	write := strings.NewReplacer(written...) // no name is the beginning of another
	for i := range table {
		f := &table[i]
		f.Type = write.Replace(write.Replace(f.Type)) // $stat has names in it
		index[[2]string{f.Interface, f.Name}] = i
		if !slices.Contains(interfaces, f.Interface) {
			interfaces = append(interfaces, f.Interface)
		}
	}
	interfaces = append(interfaces, "wasi:cli/terminal-input", "wasi:cli/terminal-output", "wasi:sockets/network")
})
