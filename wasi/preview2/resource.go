package preview2

// Resource types, by their index into [ResourceTypes].
const (
	typeError = iota
	typePollable
	typeInput
	typeOutput
	typeDescriptor
	typeEntries
	typeTerminalInput
	typeTerminalOutput
	typeNetwork
	typeTCP
	typeUDP
	typeIncoming
	typeOutgoing
	typeAddresses
)

// resourceTypes are the names of the resource types. A name stands for one type in all interfaces of WASI 0.2.
var resourceTypes = []string{
	typeError: "error", typePollable: "pollable", typeInput: "input-stream", typeOutput: "output-stream",
	typeDescriptor: "descriptor", typeEntries: "directory-entry-stream",
	typeTerminalInput: "terminal-input", typeTerminalOutput: "terminal-output",
	typeNetwork: "network", typeTCP: "tcp-socket", typeUDP: "udp-socket", typeIncoming: "incoming-datagram-stream",
	typeOutgoing: "outgoing-datagram-stream", typeAddresses: "resolve-address-stream",
}

// ResourceTypes returns the names of all resource types, which are to be offered in each interface that exports one of that
// name. The list must not be modified.
func ResourceTypes() []string { return resourceTypes }

// maxResources bounds what one guest can make the host hold.
const maxResources = 1 << 16

// resources are what a guest has handles of, by rep.
type resources struct {
	list []entry
	free []uint32
}

type entry struct {
	kind  uint32
	value any // nil where free
}

// add gives value to the guest.
func (t *resources) add(kind uint32, value any) Resource {
	if n := len(t.free); n > 0 {
		rep := t.free[n-1]
		t.free = t.free[:n-1]
		t.list[rep] = entry{kind, value}
		return Resource{kind, rep}
	}
	if len(t.list) >= maxResources {
		violate("it has more than %d resources", maxResources)
	}
	t.list = append(t.list, entry{kind, value})
	return Resource{kind, uint32(len(t.list) - 1)}
}

func (t *resources) remove(kind, rep uint32) any {
	if rep >= uint32(len(t.list)) || t.list[rep].kind != kind || t.list[rep].value == nil {
		return nil
	}
	value := t.list[rep].value
	t.list[rep] = entry{}
	t.free = append(t.free, rep)
	return value
}

// of returns what a handle of the guest's stands for. An engine has checked the handle's type.
func of[T any](h *Host, v Value) T {
	r, ok := v.(Resource)
	if ok && r.Rep < uint32(len(h.resources.list)) {
		if e := h.resources.list[r.Rep]; e.kind == r.Type {
			if value, ok := e.value.(T); ok {
				return value
			}
		}
	}
	violate("a handle is none of the expected kind")
	panic("unreachable")
}
