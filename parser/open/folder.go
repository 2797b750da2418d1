package open

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"schedreplay/parser"
	"schedreplay/parser/perfdata"
)

// bundleNames are the names of a host bundle in a capture's folder.
var bundleNames = []string{"host.tar.gz", "host.tar", "host"}

// folder opens the one capture of a folder. A folder that perf record
// --threads wrote is a capture itself.
func folder(ctx context.Context, dir string, o Options) (*Input, error) {
	if perfdata.IsDir(dir) {
		return perfDir(ctx, dir, o)
	}
	bundle, err := findBundle(dir)
	if err != nil {
		return nil, err
	}
	if in, err := rawFolder(ctx, dir, o); in != nil || err != nil {
		if in != nil {
			in.Bundle = bundle
		}
		return in, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fileError(dir, err)
	}
	var found *Input
	var failed error
	var names, all []string
	for _, e := range entries {
		if e.Type().IsRegular() {
			all = append(all, e.Name())
		}
	}
	series := seriesOf(all)
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if !mayBeCapture(e.Name()) || isOracle(path) || slices.Contains(series, e.Name()) {
			continue
		}
		in, err := entry(ctx, path, o)
		if in == nil && err == nil {
			continue
		}
		names = append(names, e.Name())
		if len(names) > 1 {
			in.discard()
			continue
		}
		found, failed = in, err
	}
	if len(series) > 0 && len(names) > 0 {
		found.discard()
		names = append(names, series[0]+" and others")
		found = nil
	} else if len(series) > 0 {
		names = append(names, series[0])
		found, failed = openSeries(ctx, dir, series, o)
	}
	switch {
	case len(names) == 0:
		return nil, refuse(dir, remedy, "%w", ErrNoCapture)
	case len(names) > 1:
		found.discard()
		return nil, refuse(dir, "name one of them", "%w: the folder holds the captures %s", ErrAmbiguous, strings.Join(names, ", "))
	case failed != nil:
		return nil, failed
	}
	found.Bundle = bundle
	return found, nil
}

// entry opens one entry of a folder. Both results are nil for what is no
// capture; a capture that cannot be used is one nevertheless.
func entry(ctx context.Context, path string, o Options) (*Input, error) {
	st, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, nil
	case st.IsDir() && perfdata.IsDir(path):
		return perfDir(ctx, path, o)
	case !st.Mode().IsRegular():
		return nil, nil
	}
	in, err := file(ctx, path, o)
	if errors.Is(err, parser.ErrFormat) {
		return nil, nil
	}
	return in, err
}

// perfDir opens a folder that perf record --threads wrote.
func perfDir(ctx context.Context, dir string, o Options) (*Input, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "data*"))
	if err != nil {
		return nil, fileError(dir, err)
	}
	raw := &rawFile{}
	in := &Input{Path: dir, raw: raw}
	for _, p := range paths {
		f, err := os.Open(p)
		if err == nil {
			err = raw.add(f)
		}
		if err != nil {
			in.closeFiles()
			return nil, fileError(p, err)
		}
	}
	in.progress = newProgress(ctx, o.Progress, raw.size)
	c, err := perfdata.NewDir(dir, o.Temp, in.progress.at)
	if err != nil {
		in.closeFiles()
		return nil, err
	}
	c.Meta().Confidence = "magic bytes"
	in.Capture = c
	return in, nil
}

// mayBeCapture tells by name which entries of a folder are looked at.
func mayBeCapture(name string) bool {
	lower := strings.ToLower(name)
	return !slices.Contains(bundleNames, name) && !strings.HasPrefix(name, ".") && !strings.HasPrefix(lower, "readme") && !strings.HasSuffix(lower, ".md")
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
	return "", refuse(dir, "name one with --host, and the capture's own file", "%w: the folder holds the host bundles %s", ErrAmbiguous, strings.Join(found, ", "))
}
