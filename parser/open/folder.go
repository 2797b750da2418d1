package open

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"schedreplay/parser"
)

// bundleNames are the names of a host bundle in a capture's folder.
var bundleNames = []string{"host.tar.gz", "host.tar", "host"}

// folder opens the one capture of a folder. A folder that perf record
// --threads wrote is a capture itself.
func folder(dir string, o Options) (*Input, error) {
	bundle, err := findBundle(dir)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fileError(dir, err)
	}
	var found []*Input
	var refused []error
	for _, e := range entries {
		if !mayBeCapture(e.Name()) {
			continue
		}
		path := filepath.Join(dir, e.Name())
		st, err := os.Stat(path)
		if err != nil || !st.Mode().IsRegular() || isOracle(path) {
			continue
		}
		in, err := file(path, o)
		switch {
		case err == nil:
			found = append(found, in)
		case !errors.Is(err, parser.ErrFormat):
			// A capture that cannot be used; what is none at all does not matter.
			refused = append(refused, err)
		}
	}
	switch {
	case len(found) == 1:
		found[0].Bundle = bundle
		return found[0], nil
	case len(found) > 1:
		var names []string
		for _, in := range found {
			names = append(names, filepath.Base(in.Path))
			in.Close()
		}
		return nil, &parser.Error{
			File: dir, Offset: -1, Err: fmt.Errorf("%w: the folder holds the captures %s", ErrAmbiguous, strings.Join(names, ", ")),
			Remedy: "name one of them",
		}
	case len(refused) == 1:
		return nil, refused[0]
	}
	return nil, &parser.Error{File: dir, Offset: -1, Err: ErrNoCapture, Remedy: remedy}
}

// mayBeCapture tells by name which entries of a folder are looked at.
func mayBeCapture(name string) bool {
	for _, b := range bundleNames {
		if name == b {
			return false
		}
	}
	lower := strings.ToLower(name)
	return !strings.HasPrefix(name, ".") && !strings.HasPrefix(lower, "readme") && !strings.HasSuffix(lower, ".md")
}

// findBundle returns the host bundle in a folder, "" if there is none.
func findBundle(dir string) (string, error) {
	var found []string
	for _, name := range bundleNames {
		st, err := os.Stat(filepath.Join(dir, name))
		if err == nil && st.IsDir() == (name == "host") {
			found = append(found, name)
		}
	}
	switch len(found) {
	case 0:
		return "", nil
	case 1:
		return filepath.Join(dir, found[0]), nil
	}
	return "", &parser.Error{
		File: dir, Offset: -1, Err: fmt.Errorf("%w: the folder holds the host bundles %s", ErrAmbiguous, strings.Join(found, ", ")),
		Remedy: "name one with --host, and the capture's own file",
	}
}
