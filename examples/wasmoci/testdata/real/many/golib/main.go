// Command golib uses the standard library: goroutines, collection, text, numbers, encodings and files.
package main

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"text/template"
	"time"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		fmt.Println(strings.ToUpper(lines.Text()))
	}
	var sums sync.Map
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			time.Sleep(time.Microsecond)
			sums.Store(i, sha256.Sum256(fmt.Append(nil, i)))
		})
	}
	all.Wait()
	h := sha256.New()
	for i := range 50 {
		sum, _ := sums.Load(i)
		b := sum.([32]byte)
		h.Write(b[:])
	}
	fmt.Printf("%x\n", h.Sum(nil))
	runtime.GC()

	f := big.NewInt(1)
	for i := range int64(200) {
		f.Mul(f, big.NewInt(i+1))
	}
	fmt.Println(f)

	words := regexp.MustCompile(`\b(\w)(\w*)\b`).ReplaceAllString("the quick brown fox", "$2$1")
	out, err := json.Marshal(map[string]any{"words": words, "list": []float64{1, 0.1, 1e100}, "nil": nil})
	fmt.Println(string(out), err)
	template.Must(template.New("t").Parse("{{range $i, $e := .}}{{$i}}={{printf \"%q\" $e}} {{end}}\n")).Execute(os.Stdout, os.Args[1:])

	must(os.MkdirAll("/tree/of/files", 0o755))
	for i := range 20 {
		must(os.WriteFile(fmt.Sprintf("/tree/of/files/%02d", i), []byte(strings.Repeat("x", i)), 0o644))
	}
	z, err := os.Create("/tree/packed.gz")
	must(err)
	w := gzip.NewWriter(z)
	_, err = io.WriteString(w, strings.Repeat("compressible ", 1000))
	must(errors.Join(err, w.Close(), z.Close()))
	must(filepath.WalkDir("/tree", func(path string, d fs.DirEntry, err error) error {
		info, ierr := d.Info()
		if err == nil && ierr == nil && !d.IsDir() {
			fmt.Println(path, info.Size(), info.Mode().Type())
		}
		return errors.Join(err, ierr)
	}))
	_, err = os.ReadFile("/tree/none")
	fmt.Println(err, errors.Is(err, fs.ErrNotExist))
	entries, err := os.ReadDir("/")
	must(err)
	fmt.Println(slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == "tree" }))
	fmt.Fprintln(os.Stderr, "to stderr", os.Getenv("WHO"), os.Getenv("HOME") == "")
	os.Exit(77)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
