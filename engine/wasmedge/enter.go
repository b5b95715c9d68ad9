package wasmedge

import (
	"encoding/binary"
	"slices"

	"github.com/wasmoci/wasmoci/engine/internal/wasm"
)

// enterable returns a valid module with its tables bounded, to be compiled, and with a function by which it is entered: one that calls
// the host by a table of its own. In there the host finds the process as libwasmedge has made it for compiled code, which is the
// moment to make it as it is needed, and then runs what the guest exports.
func enterable(module []byte) (out []byte, err error) {
	defer wasm.Recover(&err)
	m, sections, err := newInstrumenter(module)
	if err != nil {
		return nil, err
	}
	procedure := uint64(len(m.types))
	if i := slices.Index(m.types, wasm.FuncType{}); i >= 0 {
		procedure = uint64(i)
	} else {
		types := sections.Make(wasm.SectionType)
		types.Body = wasm.Extend(types.Body, 1, []byte{0x60, 0, 0})
	}
	functions := sections.Make(wasm.SectionFunction)
	functions.Body = wasm.Extend(functions.Body, 1, binary.AppendUvarint(nil, procedure))
	tables := sections.Make(wasm.SectionTable)
	tables.Body = wasm.Extend(tables.Body, 1, []byte{0x70, 1, 1, 1}) // of one function, now and ever
	enter := wasm.AppendOp([]byte{0, wasm.OpI32Const, 0}, wasm.OpCallIndirect, procedure)
	enter = append(binary.AppendUvarint(enter, m.tables), wasm.OpEnd)
	code := sections.Make(wasm.SectionCode)
	code.Body = wasm.Extend(code.Body, 1, wasm.AppendSized(nil, enter))
	m.addExports(&sections, appendExport(nil, enterExport, 0, uint64(len(m.functions))), appendExport(nil, hostExport, 1, m.tables))
	return sections.Module(), nil
}
