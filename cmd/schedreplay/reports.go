package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"schedreplay/parser"
)

// reportsMarker is the file by which a folder of several reports is known.
const reportsMarker = ".schedreplay-reports"

// reports writes one report for each capture, as DIR/1-name, DIR/2-name …;
// captures are never merged. The folder appears whole or not at all.
func (a *app) reports(cmd *cobra.Command, paths []string, dir string, c *common) (err error) {
	if err := c.parse(cmd); err != nil {
		return err
	}
	if err := mayReplaceReports(dir); err != nil {
		return &writeError{dir, err}
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return &writeError{dir, bare(err)}
	}
	if err := os.MkdirAll(filepath.Dir(abs), 0o777); err != nil {
		return &writeError{dir, bare(err)}
	}
	tmp, err := os.MkdirTemp(filepath.Dir(abs), "."+filepath.Base(abs)+".tmp-*")
	if err != nil {
		return &writeError{dir, bare(err)}
	}
	defer os.RemoveAll(tmp) // gone already when all went well
	var names []string
	var partial error
	for i, path := range paths {
		name := fmt.Sprintf("%d-%s", i+1, sectionName(path))
		in, err := a.open(path, c)
		if err != nil {
			return err
		}
		res, err := a.writeReport(in, filepath.Join(tmp, name), command(cmd))
		in.Close()
		if err != nil {
			return err
		}
		names = append(names, name)
		for _, l := range in.remarks(res.Headline) {
			fmt.Fprintln(a.out, wrap(name+": "+l, 80))
		}
		a.notes(res.Notes, res.Host.Notes)
		if err := in.partial(); partial == nil {
			partial = err
		}
	}
	if err := placeReports(tmp, abs, names); err != nil {
		return &writeError{dir, bare(err)}
	}
	for _, n := range names {
		fmt.Fprintf(a.out, "%s holds report.html, report.md, report.json, tables and figures\n", filepath.Join(dir, n))
	}
	return partial
}

// sectionName makes a folder name of a capture's path: its file without
// endings, or its folder where the file has a name that every capture has.
func sectionName(path string) string {
	name := filepath.Base(filepath.Clean(path))
	stem, _, _ := strings.Cut(name, ".")
	switch stem {
	case "ftrace", "perf", "trace", "":
		if d := filepath.Base(filepath.Dir(path)); d != "." && d != string(filepath.Separator) {
			name = d
		}
	default:
		if st, err := os.Stat(path); err == nil && !st.IsDir() {
			name = stem
		}
	}
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune("/\\:*?\"<>|' ", r) || r < ' ' || r >= 0x7f {
			return '_'
		}
		return r
	}, parser.DisplayComm(name))
	if name == "-" {
		name = "stdin"
	}
	return name
}

// mayReplaceReports says why a folder must not be replaced.
func mayReplaceReports(dir string) error {
	list, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return bare(err)
	}
	mark, err := os.ReadFile(filepath.Join(dir, reportsMarker))
	if err != nil {
		return errors.New("the folder exists and does not hold several reports of schedreplay; name another with -o")
	}
	ours := map[string]bool{reportsMarker: true}
	for l := range strings.Lines(string(mark)) {
		ours[strings.TrimSuffix(l, "\n")] = true
	}
	for _, e := range list {
		if !ours[e.Name()] {
			return fmt.Errorf("the folder holds %q, which schedreplay did not write; move it away or name another folder with -o", e.Name())
		}
	}
	return nil
}

// placeReports puts the finished folder in place of an older one.
func placeReports(tmp, dir string, names []string) error {
	if err := os.WriteFile(filepath.Join(tmp, reportsMarker), []byte(strings.Join(names, "\n")+"\n"), 0o666); err != nil {
		return err
	}
	if len(names) > 0 { // MkdirTemp is for secrets; reports are none
		st, err := os.Stat(filepath.Join(tmp, names[0]))
		if err != nil {
			return err
		}
		if err := os.Chmod(tmp, st.Mode().Perm()); err != nil {
			return err
		}
	}
	if err := mayReplaceReports(dir); err != nil {
		return err
	}
	if _, err := os.Stat(dir); err == nil {
		old := tmp + ".old"
		if err := os.Rename(dir, old); err != nil {
			return err
		}
		defer os.RemoveAll(old)
	}
	return os.Rename(tmp, dir)
}
