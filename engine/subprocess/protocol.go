//go:build linux

package subprocess

import (
	"encoding/json"
	"fmt"
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

// kind says what a frame is, and what its body is.
type kind string

const (
	// Requests, of the parent.
	kindOpen    kind = "open"    // openRequest
	kindCompile kind = "compile" // compileRequest, with one descriptor
	kindStart   kind = "start"   // startRequest, with its descriptors
	kindExport  kind = "export"  // exportRequest, with one descriptor
	kindStats   kind = "stats"   // no body; answered by a body of engine.Stats

	// Messages of the child. The first four answer the requests of their order, and so does failed.
	kindOpened   kind = "opened"   // engine.Info, or none where the parent knows it
	kindCompiled kind = "compiled" // engine.ModuleInfo, or none where the parent knows it
	kindStarted  kind = "started"  // no body
	kindExported kind = "exported" // no body
	kindFailed   kind = "failed"   // wireError
	kindHello    kind = "hello"    // hello, before anything else
	kindEnded    kind = "ended"    // ended
	kindEvent    kind = "event"    // event
	kindRecord   kind = "record"   // record
)

// envelope is what is in a frame. Bodies are read apart from it: their types cost time to learn, which a child that only
// loads and runs does not spend on others.
type envelope struct {
	Kind  kind            `json:"kind"`
	Files int             `json:"files,omitempty"` // so many descriptors come with it
	Body  json.RawMessage `json:"body,omitempty"`
}

// body reads the body into v.
func (e *envelope) body(v any) error {
	if err := json.Unmarshal(e.Body, v); err != nil {
		return &errFrame{fmt.Sprintf("it sent %q with a wrong body: %v", e.Kind, err)}
	}
	return nil
}

type hello struct {
	Protocol string `json:"protocol"`
	Version  int    `json:"version"`
}

type openRequest struct {
	Engine         string      `json:"engine"`
	Known          bool        `json:"known,omitempty"` // the parent knows the engine: the answer need not describe it
	Unchecked      bool        `json:"unchecked,omitempty"`
	CacheDir       text        `json:"cacheDir,omitempty"`
	CacheMode      text        `json:"cacheMode,omitempty"`
	MaxModuleBytes int64       `json:"maxModuleBytes,omitempty"`
	DebugInfo      bool        `json:"debugInfo,omitempty"`
	Log            *slog.Level `json:"log,omitempty"` // records from this level on are wanted; nil: none
	Observe        bool        `json:"observe,omitempty"`
}

type compileRequest struct {
	Name   text   `json:"name,omitempty"`
	Digest []byte `json:"digest"`          // of the module, which the parent has computed: the child does not
	Known  bool   `json:"known,omitempty"` // the parent knows the module: the answer need not describe it
}

type exportRequest struct {
	Name text `json:"name,omitempty"`
	Dir  text `json:"dir"`
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
