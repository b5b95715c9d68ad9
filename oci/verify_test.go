package oci

import (
	"errors"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// What crun and runc make of a derived spec, with and without a link in the image from /data, where a volume is mounted, to /dev.
const (
	mountedRoot = "84 73 254:0 /rootfs / ro,relatime - ext4 /dev/vda rw\n"
	mountedProc = "85 84 0:40 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw\n"
	mountedDev  = "108 84 0:41 / /dev rw,nosuid - tmpfs tmpfs rw,size=65536k,mode=755\n" +
		"109 108 0:42 / /dev/pts rw,nosuid,noexec,relatime - devpts devpts rw,gid=5,mode=620,ptmxmode=666\n"
	mountedData  = "114 84 254:0 /vol /data rw,relatime shared:1 master:2 - ext4 /dev/vda rw\n"
	mountedPlace = "115 108 254:0 /code /dev/.wasmoci ro,nosuid,nodev,noexec,relatime - ext4 /dev/vda rw\n" +
		"116 115 254:0 /runner /dev/.wasmoci/hello.wasm ro,nosuid,nodev,relatime - ext4 /dev/vda rw\n"
	mountedMasks  = "117 85 0:47 / /proc/acpi ro,relatime - tmpfs tmpfs rw,size=0k\n121 85 0:40 /bus /proc/bus ro,relatime - proc proc rw\n"
	mountedByLink = "114 108 254:0 /vol /dev rw,relatime - ext4 /dev/vda rw\n"
	mountedHost   = "111 84 0:6 / /dev rw,relatime - devtmpfs devtmpfs rw\n"
)

// TestVerifyLibraries: the libraries of a runner are beside it, and nothing is beside them.
func TestVerifyLibraries(t *testing.T) {
	libraries := "118 115 254:0 /lib /dev/.wasmoci/.lib ro,nosuid,nodev,relatime - ext4 /dev/vda rw\n"
	placed := mountedRoot + mountedProc + mountedDev + mountedPlace
	with := delegation()
	with.Libraries = "/usr/local/libexec/wasmoci/lib-wasmedge"
	for name, tt := range map[string]struct {
		delegation Delegation
		mountinfo  string
		ok         bool
	}{
		"mounted":           {with, placed + libraries, true},
		"not mounted":       {with, placed, false},
		"not asked for":     {delegation(), placed + libraries, false},
		"writable":          {with, placed + strings.Replace(libraries, " ro,", " rw,", 1), false},
		"elsewhere":         {with, placed + strings.Replace(libraries, "118 115", "118 108", 1), false},
		"covered":           {with, placed + libraries + "130 118 254:0 /vol /dev/.wasmoci/.lib ro - ext4 /dev/vda rw\n", false},
		"something in them": {with, placed + libraries + "130 118 254:0 /vol /dev/.wasmoci/.lib/libc.so.6 ro - ext4 /dev/vda rw\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := (&Bundle{Dir: "/bundle", Spec: deriving()}).Derive(tt.delegation)
			if err != nil {
				t.Fatal(err)
			}
			var refused *SpecError
			if err := d.Verify([]byte(tt.mountinfo)); tt.ok != (err == nil) || err != nil && !errors.As(err, &refused) {
				t.Errorf("err = %v, want ok = %t", err, tt.ok)
			}
		})
	}
}

func TestVerify(t *testing.T) {
	placed := mountedRoot + mountedProc + mountedDev + mountedData + mountedPlace + mountedMasks
	named := mountedRoot + mountedProc + mountedData + mountedHost + mountedMasks
	replace := func(in, from, to string) string {
		if !strings.Contains(in, from) {
			t.Fatalf("%q is not in %q", from, in)
		}
		return strings.Replace(in, from, to, 1)
	}
	tests := map[string]struct {
		byDescriptor bool
		mountinfo    string
		ok           bool
	}{
		"mounted":                      {false, placed, true},
		"mounted, no proc":             {false, mountedRoot + mountedDev + mountedPlace, true},
		"mounted, in another order":    {false, mountedPlace + mountedDev + mountedRoot, true},
		"a volume led to /dev":         {false, replace(replace(placed, mountedData, mountedByLink), "115 108", "115 114"), false},
		"a tmpfs led to /dev":          {false, replace(placed, mountedData, replace(mountedByLink, "ext4", "tmpfs")), false},
		"/dev led elsewhere":           {false, replace(placed, " / /dev ", " / /data "), false},
		"a volume led to the place":    {false, placed + "130 115 254:0 /vol /dev/.wasmoci rw,relatime - ext4 /dev/vda rw\n", false},
		"a volume led into the place":  {false, placed + "130 108 254:0 /vol /dev/.wasmoci/x ro,relatime - ext4 /dev/vda rw\n", false},
		"a volume led over the runner": {false, placed + "130 116 254:0 /vol /dev/.wasmoci/hello.wasm ro - ext4 /dev/vda rw\n", false},
		"the place elsewhere":          {false, replace(placed, "115 108", "115 84"), false},
		"the runner elsewhere":         {false, replace(placed, "116 115", "116 108"), false},
		"a runner of another name":     {false, replace(placed, "hello.wasm", "other"), false},
		"a writable runner":            {false, replace(placed, "hello.wasm ro,", "hello.wasm rw,"), false},
		"a writable place":             {false, replace(placed, ".wasmoci ro,", ".wasmoci rw,"), false},
		"/dev is no tmpfs":             {false, replace(placed, "- tmpfs tmpfs rw,size=65536k", "- ext4 tmpfs rw"), false},
		"not mounted":                  {false, named, false},
		"empty":                        {false, "", false},
		"by descriptor":                {true, named, true},
		"a volume led to /proc":        {true, replace(named, "/data rw", "/proc rw"), false},
		"a volume led to the process":  {true, replace(named, "/data rw", "/proc/1 rw"), false},
		"a volume led to its files":    {true, replace(named, "/data rw", "/proc/123/fd rw"), false},
		"no proc":                      {true, mountedRoot + mountedHost, false},
		"by descriptor, empty":         {true, "", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			spec := deriving()
			if tt.byDescriptor {
				spec.Mounts[1] = specs.Mount{Destination: "/dev", Type: "bind", Source: "/dev"}
			}
			d, err := (&Bundle{Dir: "/bundle", Spec: spec}).Derive(delegation())
			if err != nil || d.ByDescriptor != tt.byDescriptor {
				t.Fatal(err, d.ByDescriptor)
			}
			err = d.Verify([]byte(tt.mountinfo))
			var rejected *SpecError
			if errors.As(err, &rejected) == tt.ok || (err == nil) != tt.ok {
				t.Errorf("err = %v, want it right: %t", err, tt.ok)
			}
		})
	}
}

// TestVerifyUnderstands: names are as the kernel writes them, and what is no mountinfo is not taken for one.
func TestVerifyUnderstands(t *testing.T) {
	how := delegation()
	how.Name = "a b\t\u00a0\\.wasm"
	d, err := (&Bundle{Spec: deriving()}).Derive(how)
	if err != nil {
		t.Fatal(err)
	}
	good := strings.Replace(mountedRoot+mountedDev+mountedPlace, "hello.wasm", `a\040b\011`+"\u00a0"+`\134.wasm`, 1)
	if err := d.Verify([]byte(good)); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"x", "\n", good + "1 2 0:1 / /x rw\n", good + "1 2 0:1 / x rw - ext4 a b\n", good + "1 2 0:1 / /x rw -"} {
		if err := d.Verify([]byte(bad)); err == nil || errors.As(err, new(*SpecError)) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if err := new(Derived).Verify([]byte(good)); err == nil {
		t.Error("nothing was derived, and it is verified")
	}
}

func FuzzVerify(f *testing.F) {
	f.Add([]byte(mountedRoot+mountedProc+mountedDev+mountedPlace), true)
	f.Add([]byte(`1 2 0:1 / /proc/\04 rw - x`), false)
	f.Fuzz(func(t *testing.T, mountinfo []byte, byDescriptor bool) {
		d, err := (&Bundle{Spec: deriving()}).Derive(delegation())
		if err != nil {
			t.Fatal(err)
		}
		d.ByDescriptor = byDescriptor
		if d.Verify(mountinfo) == nil && !strings.Contains(string(mountinfo), "- proc") && byDescriptor {
			t.Error("descriptors have names without a procfs")
		}
	})
}
