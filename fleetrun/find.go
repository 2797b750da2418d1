package fleetrun

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"schedreplay/parser/open"
)

// Input is a capture to be summed up, and its host bundle, "" for none beside it.
type Input = open.Found

// ErrNothing is wrapped by the error about arguments that name no capture.
var ErrNothing = errors.New("no capture")

// Find lists the captures that arguments name, each once, by path: a file with the bundle
// beside it, a folder with all below it, or a pattern of [filepath.Glob] of such. A file
// that does not exist is listed: it is for its dead letter to say so.
func Find(ctx context.Context, args []string) ([]Input, error) {
	at := map[string]Input{}
	for _, arg := range args {
		paths := []string{arg}
		if _, err := os.Lstat(arg); err != nil && strings.ContainsAny(arg, "*?[") {
			if paths, err = filepath.Glob(arg); err != nil {
				return nil, fmt.Errorf("%s: %w", arg, err)
			}
		}
		for _, p := range paths {
			if st, err := os.Stat(p); err != nil || !st.IsDir() {
				at[filepath.Clean(p)] = Input{Path: p, Bundle: open.Beside(p)}
				continue
			}
			found, err := open.Walk(ctx, p)
			if err != nil {
				return nil, err
			}
			for _, in := range found {
				at[filepath.Clean(in.Path)] = in
			}
		}
	}
	if len(at) == 0 {
		return nil, fmt.Errorf("%w in %s", ErrNothing, strings.Join(args, " "))
	}
	return slices.SortedFunc(maps.Values(at), func(a, b Input) int { return strings.Compare(a.Path, b.Path) }), nil
}

// ReadList reads arguments of [Find], one a line; empty lines and those that begin with #
// count for nothing.
func ReadList(r io.Reader) ([]string, error) {
	var out []string
	s := bufio.NewScanner(r)
	for s.Scan() {
		if l := strings.TrimRight(s.Text(), "\r"); l != "" && l[0] != '#' {
			out = append(out, l)
		}
	}
	return out, s.Err()
}
