package runner

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/wasmoci/wasmoci/engine"
)

// Kind tells apart how runs end whose exit status may be the same.
type Kind string

const (
	KindExit   Kind = "exit"   // the guest exited, or returned
	KindTrap   Kind = "trap"   // WebAssembly stopped the guest; Detail is the kind of trap
	KindSignal Kind = "signal" // a signal that the runner handles ended it; Detail is its number
	KindMemory Kind = "memory" // the guest was not started because its memory does not fit into its limit
	KindError  Kind = "error"  // it could not be run, or the runner failed; Detail says why
	KindKilled Kind = "killed" // the runner was killed, which it cannot record: its container runtime does; Detail says why, where it is known
)

// maxDetail bounds a record's detail, so that the record fits into a pipe at once.
const maxDetail = 512

// RecordBytes is more than any record has. A file of at least this size, open for reading and writing, that a runner gets for its record is
// written to at its beginning, as memory, and never grows.
const RecordBytes = 4096

// Record is how a run ended, for what the exit status cannot say. A runner that was killed (KILL, the kernel out of memory) leaves
// none; [KindKilled] is for who finds that.
type Record struct {
	Status          int    `json:"status"` // exit status of the runner, 0 to 255
	Kind            Kind   `json:"kind"`
	Detail          string `json:"detail,omitempty"`          // for people: at most 512 bytes, as printable as its source
	MemoryPeakBytes uint64 `json:"memoryPeakBytes,omitempty"` // linear memory of the guest at most, where its engine knows
	Times           Times  `json:"times,omitzero"`
}

// Times are when a run's steps were done, by the clock of the machine. A step that was not reached is zero. The runner says so: whoever
// reads a record knows no more of it than that.
type Times struct {
	Begun   time.Time `json:"begun,omitzero"`   // the runner, which had no part in what came before; behind an Order's Gate, what is done since it opened
	Loaded  time.Time `json:"loaded,omitzero"`  // the module's code can run
	Started time.Time `json:"started,omitzero"` // the guest runs
	Ended   time.Time `json:"ended,omitzero"`   // the guest, or what was done for it, has ended
}

// recordOf returns what is recorded of a run that ended with err.
func recordOf(err error, stats engine.Stats) Record {
	r := Record{Status: engine.ExitCode(err), Kind: KindError, MemoryPeakBytes: stats.MemoryPeakBytes}
	var exit *engine.ExitError
	var trap *engine.TrapError
	var sig engine.Signal
	var limit *engine.MemoryLimitError
	switch {
	case err == nil:
		r.Kind = KindExit
	case errors.As(err, &exit):
		r.Kind = KindExit
	case errors.As(err, &trap):
		r.Kind, r.Detail = KindTrap, string(trap.Kind)
		if trap.Message != "" {
			r.Detail += ": " + trap.Message
		}
	case errors.As(err, &sig):
		r.Kind, r.Detail = KindSignal, sig.Error()
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		r.Kind, r.Detail = KindSignal, err.Error()
	case errors.As(err, &limit):
		r.Kind, r.Detail = KindMemory, err.Error()
	default:
		r.Detail = err.Error()
	}
	if len(r.Detail) > maxDetail {
		r.Detail = strings.ToValidUTF8(r.Detail[:maxDetail], "")
	}
	return r
}

// line is r as it is written: as encoding/json would, but for the zone of its times, which is UTC. It is done by hand because encoding/json
// looks at all types first, and a zone would be looked for in the files of the container's image, at each guest's end.
func (r Record) line() []byte {
	b := strconv.AppendInt([]byte(`{"status":`), int64(r.Status), 10)
	b = append(b, `,"kind":"`+r.Kind+`"`...) // one of ours
	if r.Detail != "" {
		detail, err := json.Marshal(r.Detail)
		if err != nil { // no text can fail
			panic(err)
		}
		b = append(append(b, `,"detail":`...), detail...)
	}
	if r.MemoryPeakBytes > 0 {
		b = strconv.AppendUint(append(b, `,"memoryPeakBytes":`...), r.MemoryPeakBytes, 10)
	}
	if t := r.Times; t != (Times{}) {
		before := `,"times":{`
		for _, step := range []struct {
			name string
			at   time.Time
		}{{"begun", t.Begun}, {"loaded", t.Loaded}, {"started", t.Started}, {"ended", t.Ended}} {
			if !step.at.IsZero() {
				b = append(b, before+`"`+step.name+`":`...)
				b = step.at.UTC().AppendFormat(b, `"`+time.RFC3339Nano+`"`)
				before = ","
			}
		}
		b = append(b, '}')
	}
	return append(b, "}\n"...)
}
