package enginetest

import (
	"strconv"
	"strings"
	"time"
)

var clockCases = []Case{
	{
		Name: "Clock/Monotonic",
		Why:  "the monotonic clock never goes back, and both clocks have a resolution",
		script: `
			monotonic => ok
			resolution 0 => ok
			resolution 1 => ok`,
	},
	{
		Name:   "Clock/Realtime",
		Why:    "the realtime clock is the host's, in nanoseconds since 1970",
		script: "realtime => *",
		drive: func(t *trial) {
			before := time.Now()
			t.same(t.wait(t.start(t.endless())), nil)
			ns, err := strconv.ParseInt(strings.TrimSpace(t.stdout.String()), 10, 64)
			if got := time.Unix(0, ns); err != nil || got.Before(before.Add(-time.Second)) || got.After(time.Now().Add(time.Second)) {
				t.Errorf("the guest's clock says %v, the host's %v", got, before)
			}
		},
	},
	{
		Name: "Clock/Sleep",
		Why:  "a sleep lasts at least as long as it was to, and ends",
		script: `
			os.sleep 30 => ok
			poll 20 => clock
			poll 0 => clock`,
	},
	{
		Name: "Clock/PollStdin",
		Why:  "polling says at once that an input at its end, or with bytes in it, is readable, and otherwise waits for the clock",
		script: `
			poll 60000 0 => fd
			read 0 5 => "input"
			poll 60000 0 => fd
			read 0 5 => ""`,
		stdin: "input",
	},
	{
		Name: "Clock/PollEmptyPipe",
		Why:  "polling an empty pipe ends with the clock",
		script: `
			poll 20 0 => clock
			poll 0 0 => clock`,
		prepare: func(t *trial) { t.cfg.Stdin, _ = pipe(t) },
	},
	{
		Name: "Clock/PollPipe",
		Why:  "polling a pipe ends as soon as there is something in it",
		script: `
			print 2 ready
			poll 60000 0 => fd
			read 0 10 => "x"`,
		drive: func(t *trial) {
			r, w := pipe(t)
			t.cfg.Stdin = r
			inst := t.start(t.endless())
			t.stderr.await(t, "ready")
			time.Sleep(10 * time.Millisecond)
			if _, err := w.WriteString("x"); err != nil {
				t.Fatal(err)
			}
			t.same(t.wait(inst), nil)
			t.c.script.check(t, t.stdout.String(), t.dir)
		},
	},
	{
		Name:   "Clock/Random",
		Why:    "random bytes differ from one call to the next",
		script: "random => differ",
	},
	{
		Name:   "Clock/RandomPerInstance",
		Why:    "random bytes differ from one instance to the next",
		guest:  "random",
		script: "",
		drive: func(t *trial) {
			first := t.wait(t.start(t.endless()))
			for range 8 { // one in 2^31 agrees by chance
				if again := t.wait(t.start(t.endless())); again.Error() == first.Error() {
					t.Errorf("two instances both had %v", first)
				}
			}
		},
	},
}
