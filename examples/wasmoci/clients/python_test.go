//go:build clients && linux

package clients

import (
	"strings"
	"testing"
)

// TestPython: CPython, which was not built for this project, in a container.
func TestPython(t *testing.T) {
	each(t, delegates, func(t *testing.T, s *setup) {
		const script = `import sys, os, json
print(json.dumps({"argv": sys.argv[1:], "who": os.environ["WHO"], "python": list(sys.version_info[:2]), "root": sorted(os.listdir("/data"))}))
open("/data/out", "w").write("written\n")
sys.exit(42)`
		dir := t.TempDir()
		write(t, dir+"/in", "x")
		r := s.podman(t, "run", "--rm", "--env", "WHO=world", "--volume", dir+":/data", "localhost/python", "-c", script, "one", "zwei ü")
		r.want(t, 42, `{"argv": ["one", "zwei \u00fc"], "who": "world", "python": [3, 11], "root": ["in"]}`+"\n")
		if r := run(t, "", "cat", dir+"/out"); r.stdout != "written\n" {
			t.Errorf("it wrote %q", r.stdout)
		}
		r = s.podmanInput(t, "print(6 * 7)\n", "run", "--rm", "--interactive", "localhost/python", "-")
		r.want(t, 0, "42\n")
		r = s.podman(t, "run", "--rm", "localhost/python", "-c", "raise SystemExit('no')")
		if r.status != 1 || strings.TrimSpace(r.stderr) != "no" {
			t.Errorf("status %d, stderr %q", r.status, r.stderr)
		}
	}, wasm)
	nothingLeft(t)
}
