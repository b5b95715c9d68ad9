//go:build clients && linux

package clients

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestNative: a native container made through wasmoci has what it has on the bare delegate: environment, descriptors, limits, user,
// capabilities, filters.
func TestNative(t *testing.T) {
	each(t, delegates, func(t *testing.T, s *setup) {
		onBare := newSetup(t, bare, s.delegate)
		for _, flags := range []string{"", "--tty", "--interactive", "--user 1000:1001 --memory 64m --env FOO=bar --ulimit core=0:0 --ulimit nofile=512:1024 --ulimit nproc=1024:1024"} {
			for _, args := range []string{
				"cat /proc/self/environ /proc/self/status /proc/self/limits /proc/self/cmdline /proc/self/mountinfo /proc/self/cgroup",
				"ls /proc/self/fd /proc/self/ns /proc /dev",
			} {
				command := fmt.Sprintf("run --rm --hostname h %s %s %s", flags, s.image, args)
				output := func(s *setup) string {
					r := s.podman(t, strings.Fields(command)...)
					if r.status != 0 || r.stdout == "" {
						t.Fatalf("%s: status %d, stdout %q, stderr %s", command, r.status, r.stdout, r.stderr)
					}
					return stable(r.stdout)
				}
				if got, want := output(s), output(onBare); got != want {
					t.Errorf("%s: %s", command, difference(got, want))
				}
			}
		}
	}, native)
	nothingLeft(t)
}

// changing is what differs from one run to the next.
var changing = regexp.MustCompile(`(?m)^(voluntary_ctxt_switches|nonvoluntary_ctxt_switches|Vm\w+|Rss\w+|HugetlbPages|Cpus_allowed\w*|Threads|SigQ):.*$` +
	`|[0-9a-f]{64}|\[\d+\]|/[0-9A-Z]{26}\b|(?:^|\x00)\d+ \d+ \d+:\d+ |containers?/overlay/\S*`)

// stable is an output without what changes. podman itself has no order of variables and mounts.
func stable(output string) string {
	lines := strings.FieldsFunc(changing.ReplaceAllString(output, "·"), func(r rune) bool { return r == '\n' || r == 0 })
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// difference names the lines that only one of the two has.
func difference(got, want string) string {
	var b strings.Builder
	is, should := strings.Split(got, "\n"), strings.Split(want, "\n")
	for _, line := range is {
		if !slices.Contains(should, line) {
			fmt.Fprintf(&b, "\n+ %q", line)
		}
	}
	for _, line := range should {
		if !slices.Contains(is, line) {
			fmt.Fprintf(&b, "\n- %q", line)
		}
	}
	return b.String()
}
