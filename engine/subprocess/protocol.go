//go:build linux

package subprocess

import (
	"log/slog"

	"github.com/wasmoci/wasmoci/engine"
)

const (
	// protocol is what a child says first, with its version.
	protocol = "wasmoci engine process"

	// argv0 is the child's name, by which [Init] knows that it is one.
	argv0 = "wasmoci:engine"

	// socketFD is the child's end of the socket. Its descriptors 0, 1 and 2 are the pipe of its last words.
	socketFD = 3
)

type hello struct {
	Protocol string `json:"protocol"`
	Version  int    `json:"version"`
}

// request is what the parent sends: exactly one of its fields.
type request struct {
	Files   int             `json:"files,omitempty"` // so many descriptors come with it
	Open    *openRequest    `json:"open,omitempty"`
	Compile *compileRequest `json:"compile,omitempty"`
	Start   *startRequest   `json:"start,omitempty"`
	Stats   bool            `json:"stats,omitempty"`
}

// openRequest is answered by opened.
type openRequest struct {
	Engine         string      `json:"engine"`
	Unchecked      bool        `json:"unchecked,omitempty"`
	CacheDir       text        `json:"cacheDir,omitempty"`
	MaxModuleBytes int64       `json:"maxModuleBytes,omitempty"`
	DebugInfo      bool        `json:"debugInfo,omitempty"`
	Log            *slog.Level `json:"log,omitempty"` // records from this level on are wanted; nil: none
	Observe        bool        `json:"observe,omitempty"`
}

// compileRequest comes with the module as its one descriptor, and is answered by compiled.
type compileRequest struct {
	Name  text `json:"name,omitempty"`
	Known bool `json:"known,omitempty"` // the parent knows the module: the answer need not describe it
}

// message is what the child sends: exactly one of its fields.
type message struct {
	Hello *hello `json:"hello,omitempty"`

	// Answers, in the order of the requests.
	Opened   *engine.Info `json:"opened,omitempty"`
	Compiled *compiled    `json:"compiled,omitempty"`
	Started  bool         `json:"started,omitempty"`
	Failed   *wireError   `json:"failed,omitempty"`

	// Unasked, or whenever it is known.
	Ended  *ended        `json:"ended,omitempty"`
	Stats  *engine.Stats `json:"stats,omitempty"`
	Event  *event        `json:"event,omitempty"`
	Record *record       `json:"record,omitempty"`
}

// answer tells whether m answers a request.
func (m *message) answer() bool {
	return m.Opened != nil || m.Compiled != nil || m.Started || m.Failed != nil
}

type compiled struct {
	Info *engine.ModuleInfo `json:"info,omitempty"`
}

type ended struct {
	Err   *wireError   `json:"err,omitempty"`
	Stats engine.Stats `json:"stats"`
}

// event is an engine.Event; the module's name and size are the parent's to know.
type event struct {
	Phase   engine.Phase `json:"phase"`
	Elapsed int64        `json:"elapsed,omitempty"` // nanoseconds
	Done    int64        `json:"done,omitempty"`
	Total   int64        `json:"total,omitempty"`
}
