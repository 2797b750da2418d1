package open

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"schedreplay/parser/perfdata"
)

// Found is a capture that [Walk] found, and the host bundle that lies in the same folder,
// "" if there is none or more than one.
type Found struct{ Path, Bundle string }

// Walk lists the captures that are in a folder and below it, in order of their paths,
// without opening any: every file counts that [File] would look at in a folder, also if it
// turns out to be none. A folder that is one capture itself (perf record --threads, a copy
// of tracefs's ring buffers, files that one recorder switched through) is listed as such.
// Links to folders are not followed.
func Walk(ctx context.Context, dir string) ([]Found, error) {
	var out []Found
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return fileError(p, err)
		case p != dir && strings.HasPrefix(d.Name(), "."), d.IsDir() && p != dir && d.Name() == "host":
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir():
			if isOne(p) {
				out = append(out, Found{Path: p})
				return fs.SkipDir
			}
			return nil
		case mayBeCapture(d.Name()) && !isOracle(p):
			if st, err := os.Stat(p); err == nil && st.IsDir() {
				return nil
			}
			out = append(out, Found{p, Beside(p)})
		}
		return nil
	})
	return out, err
}

// Beside is the host bundle that lies in the same folder as a file, "" if there is none or
// more than one.
func Beside(path string) string {
	b, _ := findBundle(filepath.Dir(path))
	return b
}

// isOne reports whether a folder is one capture as a whole.
func isOne(dir string) bool {
	if perfdata.IsDir(dir) {
		return true
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	var names []string
	others := false
	for _, e := range entries {
		switch name := e.Name(); {
		case e.IsDir() && name == "per_cpu", e.Type().IsRegular() && rawName.MatchString(name):
			return true
		case e.Type().IsRegular():
			names = append(names, name)
			others = others || mayBeCapture(name) && !isOracle(filepath.Join(dir, name)) && !seriesName.MatchString(name)
		}
	}
	return !others && len(seriesOf(names)) > 0
}
