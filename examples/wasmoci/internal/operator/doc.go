// Package operator reads what the operator of a machine decides: which delegate, which engine, where files are kept, what
// annotations may say. A container never decides any of it.
package operator
