package enginetest

import (
	"errors"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/wasmoci/wasmoci/wasi"
)

const (
	raceTime  = 400 * time.Millisecond // at least, for each case
	raceLimit = 20 * time.Second       // for both sides to have been first
)

// raceCases are attempts to escape between a check and what was checked: the host changes names while the guest walks.
var raceCases = []Case{
	against("SwappedDirectory", "a directory on the way that becomes a link out would be followed where it was only checked",
		files{"m/d/secret": "inside", "x": linkTo + "../outside"}, `
		repeat 300 cat 3 d/secret => *
		repeat 300 cat 3 d/../d/secret => *`,
		swap("m/d", "x")),
	against("SwappedParent", "a change to a directory would be made in the one that a link in its place leads to",
		files{"m/d/secret": "inside", "x": linkTo + "../outside", "m/f": "f"}, `
		repeat 100 cat 3 d/secret => *
		repeat 100 put 3 d/new x => *
		repeat 100 mkdir 3 d/newdir => *
		repeat 100 symlink x 3 d/newlink => *
		repeat 100 link 3 f 3 d/newname => *
		repeat 100 times 3 d/secret 1 1 => *
		repeat 100 unlink 3 d/newname => *
		repeat 100 unlink 3 d/new => *
		repeat 100 unlink 3 d/newlink => *
		repeat 100 rmdir 3 d/newdir => *`,
		swap("m/d", "x")),
	against("SwappedTarget", "a rename would carry a file out into what a link in the place of its new directory leads to, or one in from there",
		files{"m/d/secret": "inside", "x": linkTo + "../outside", "m/f": "f"}, `
		repeat 100 cat 3 d/secret => *
		repeat 100 rename 3 f 3 d/f => *
		repeat 100 rename 3 d/f 3 f => *
		repeat 100 rename 3 d/dir 3 stolen => *`,
		swap("m/d", "x")),
	against("SwappedFile", "a file that becomes a link out would be opened, written or emptied through it",
		files{"m/f": "inside", "x": linkTo + "../outside/secret"}, `
		repeat 300 cat 3 f => *
		repeat 100 put 3 f inside => *
		repeat 100 link 3 f 3 h follow => *
		repeat 100 cat 3 h => *
		repeat 100 unlink 3 h => *`,
		swap("m/f", "x")),
	against("SwappedList", "a directory that becomes a link out would be listed through it",
		files{"m/d/f": "inside", "x": linkTo + "../outside", "outside/" + canary: ""}, `
		repeat 300 cat 3 d/f => *
		repeat 300 list 3 d => *`,
		swap("m/d", "x")),
	against("SwappedDeep", "the middle of a long path would be looked up in one step, past a link that has just come there",
		files{"m/d/e/f/g/secret": "inside", "outside/f/g/secret": canary, "x": linkTo + "../../outside"}, `
		repeat 300 cat 3 d/e/f/g/secret => *
		repeat 200 cat 3 d/e/f/../f/g/secret => *
		repeat 200 cat 3 d/e/../../outside/secret => *`,
		swap("m/d/e", "x")),
	against("MovedOut", "a directory that is moved out of the mount would take the walk in it along, and its '..' with it",
		files{"m/d/e/f/": "", "m/secret": "inside", "secret": canary}, `
		repeat 300 cat 3 d/e/f/../../../secret => *
		repeat 300 cat 3 d/e/../../secret => *
		repeat 300 cat 3 d/e/f/../../e/../../secret => *`,
		func(t *trial) error {
			return errors.Join(os.Rename(t.path("m/d/e"), t.path("outside/e")), os.Rename(t.path("outside/e"), t.path("m/d/e")))
		}),
	against("MovedUp", "a directory that rises in the tree would let the '..' that follow lead above the mount",
		files{"m/d/e/f/g/": "", "m/secret": "inside", "secret": canary}, `
		repeat 300 cat 3 d/e/f/g/../../../../secret => *
		repeat 300 cat 3 d/e/f/../../../secret => *
		repeat 300 cat 3 g/../../../../secret => *`,
		func(t *trial) error {
			return errors.Join(os.Rename(t.path("m/d/e/f/g"), t.path("m/g")), os.Rename(t.path("m/g"), t.path("m/d/e/f/g")))
		}),
	against("CreatedLink", "a link out that appears between the look and the creation of a file would be created through",
		files{"m/a": "inside"}, `
		repeat 200 put 3 new x => *
		repeat 200 cat 3 a => *
		repeat 200 mkdir 3 new => *
		repeat 200 rmdir 3 new => *
		unlink 3 new => *`,
		func(t *trial) error {
			if err := os.Symlink("../outside/new", t.path("m/new")); err != nil && !os.IsExist(err) {
				return err
			}
			if err := os.Remove(t.path("m/new")); err != nil && !os.IsNotExist(err) {
				return err
			}
			return nil
		}),
	against("SwappedMountPoint", "the place that a mount covers would be walked through while it is a link out",
		files{"m/p/covered": canary, "in/secret": "inside", "x": linkTo + "../outside"}, `
		repeat 300 cat 3 p/secret => *
		repeat 300 cat 3 p/../p/secret => *
		repeat 300 cat 3 p/covered => *
		repeat 300 cat 3 p/../outside/secret => *`,
		swap("m/p", "x")).mounted(wasi.Mount{Guest: "/", Host: "m"}, wasi.Mount{Guest: "/p", Host: "in"}),
}

// against is a race between the guest's script and what the host does meanwhile, which leaves the host's files as they were.
func against(name, reach string, within files, s script, host func(*trial) error) Case {
	c := escape("Race"+name, reach, within, s)
	c.drive = func(t *trial) {
		t.race(host)
		t.same(t.wait(t.start(t.endless())), nil) // alone, to remove what it has made
	}
	return c
}

// race runs the guest over and over while the host acts. The guest must find what is inside at least once, and must fail
// to at least once: a race that one side always wins shows nothing.
func (t *trial) race(host func(*trial) error) {
	t.Helper()
	var acting sync.WaitGroup
	stop := make(chan struct{})
	defer acting.Wait()
	defer close(stop)
	acting.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if err := host(t); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for begun := time.Now(); !t.Failed(); {
		t.same(t.wait(t.start(t.endless())), nil)
		found, raced := t.stdout.String(), time.Since(begun)
		both := strings.Contains(found, `"inside"`) && strings.Contains(found, "E")
		if both && raced > raceTime || strings.Contains(found, canary) {
			return
		}
		if raced > raceLimit {
			t.Errorf("the guest found what is inside, and failed to: %v; it saw %s", both, abbreviate(found))
		}
	}
}

// swap exchanges two names of the case and takes that back.
func swap(name, other string) func(*trial) error {
	return func(t *trial) error {
		a, b, kept := t.path(name), t.path(other), t.path("kept")
		return errors.Join(os.Rename(a, kept), os.Rename(b, a), os.Rename(a, b), os.Rename(kept, a))
	}
}
