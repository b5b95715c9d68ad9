//go:build clients && linux

package clients

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// image is what buildah makes of files, FROM scratch.
type image struct {
	name, platform, annotation string
	files                      map[string]string // in the image → in the directory of guests
	entrypoint                 string
}

var all = []image{
	{name: "native", files: map[string]string{"/guest": "guest", "/other": "guest", "/native": "guest"}, entrypoint: "/guest"},
	{name: "wasm", annotation: compat, files: map[string]string{"/guest": "guest.wasm", "/other": "another", "/native": "guest"}, entrypoint: "/guest"},
	{name: "wasmtime", annotation: "run.oci.handler=wasmtime", files: map[string]string{"/guest": "guest.wasm", "/native": "guest"}, entrypoint: "/guest"},
	{name: "content", files: map[string]string{"/guest": "guest.wasm"}, entrypoint: "/guest"}, // nothing says that it is a guest but itself
	{name: "platform", platform: "wasi/wasm", files: map[string]string{"/guest": "guest.wasm"}, entrypoint: "/guest"},
	{name: "pause", files: map[string]string{"/pause": "guest"}, entrypoint: "/pause"}, // of Kubernetes' pods
	{name: "go", annotation: compat, files: map[string]string{"/go.wasm": "go.wasm"}, entrypoint: "/go.wasm"},
	{name: "server", annotation: compat, files: map[string]string{"/server.wasm": "server.wasm"}, entrypoint: "/server.wasm"},
	{name: "server-wasmtime", annotation: "run.oci.handler=wasmtime", files: map[string]string{"/server.wasm": "server.wasm"}, entrypoint: "/server.wasm"},
	{name: "python", annotation: compat, files: map[string]string{"/python.wasm": "python/python-3.11.3.wasm", "/usr": "python/usr"}, entrypoint: "/python.wasm"},
	{name: "neither", annotation: compat, files: map[string]string{"/guest": "neither"}, entrypoint: "/guest"},
	{name: "other", files: map[string]string{"/guest": "other"}, entrypoint: "/guest"}, // nothing but a test compiles it
	{name: "damaged", annotation: compat, files: map[string]string{"/guest": "damaged"}, entrypoint: "/guest"},
	{name: "marked", annotation: compat, files: map[string]string{"/guest": "guest"}, entrypoint: "/guest"}, // native, whatever it is called
}

// Custom sections, of these names, make another module of one.
const other, another = "\x00\x06\x05other", "\x00\x08\x07another"

const compat = "module.wasm.image/variant=compat"

// images makes all images, once.
func images(t *testing.T) {
	t.Helper()
	if err := makeImages(); err != nil {
		t.Fatal(err)
	}
}

var makeImages = sync.OnceValue(func() error {
	guests := filepath.Join(os.Getenv(space), "guests")
	wasm, err := os.ReadFile(filepath.Join(guests, "guest.wasm"))
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		"neither": []byte("neither a module nor a program\n"), "damaged": wasm[:len(wasm)/2],
		"other": append(slices.Clip(wasm), other...), "another": append(slices.Clip(wasm), another...),
	} {
		if err := os.WriteFile(filepath.Join(guests, name), content, 0o755); err != nil {
			return err
		}
	}
	for _, i := range all {
		if err := i.build(guests); err != nil {
			return err
		}
	}
	return nil
})

// directories are what a base image would have, so that no container needs to make them.
const directories = "etc proc dev sys run tmp var var/tmp"

// build makes the image with buildah's commands, as a script does.
func (i *image) build(guests string) error {
	platform := ""
	if i.platform != "" {
		platform = "--platform " + i.platform
	}
	annotation := ""
	if i.annotation != "" {
		annotation = "--annotation " + i.annotation
	}
	var b strings.Builder
	fmt.Fprintf(&b, "set -e; c=$(buildah from %s scratch); root=$(buildah mount $c)\n", platform)
	fmt.Fprintf(&b, "cd $root; mkdir %s; chmod 1777 tmp var/tmp; ln -s /proc/mounts etc/mtab; : >etc/hosts; : >etc/hostname; : >etc/resolv.conf; : >run/.containerenv; cd /\n", directories)
	for to, from := range i.files {
		fmt.Fprintf(&b, "mkdir -p $root%s; cp -r %s $root%s\n", filepath.Dir(to), filepath.Join(guests, from), to)
	}
	fmt.Fprintf(&b, "chmod -R a+rX $root/*; buildah config %s --entrypoint '[%q]' --cmd '' $c; buildah commit --quiet --rm $c localhost/%s\n", annotation, i.entrypoint, i.name)
	return command(shell(b.String()))
}
