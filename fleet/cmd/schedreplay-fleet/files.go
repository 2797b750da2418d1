package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem"

	"schedreplay/fleetrun"
	"schedreplay/parser/open"
)

// localize makes a capture and the bundle beside it files of this machine, under the names
// that they have; those that are stay where they are.
func localize(ctx context.Context, name, tmp string) (fleetrun.Input, error) {
	if !strings.Contains(name, "://") {
		return fleetrun.Input{Path: name, Bundle: open.Beside(name)}, nil
	}
	dir := filepath.Join(tmp, path.Base(path.Dir(name)))
	in := fleetrun.Input{Path: filepath.Join(dir, path.Base(name))}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return in, err
	}
	if err := fetch(ctx, name, in.Path); err != nil {
		return in, err
	}
	for _, bundle := range []string{"host.tar.gz", "host.tar"} {
		from := name[:len(name)-len(path.Base(name))] + bundle
		system, err := filesystem.New(ctx, from)
		if err != nil {
			return in, err
		}
		list, err := system.List(ctx, from)
		system.Close()
		if err != nil {
			return in, err
		}
		if len(list) == 1 {
			if err := fetch(ctx, from, filepath.Join(dir, bundle)); err != nil {
				return in, err
			}
		}
	}
	in.Bundle = open.Beside(in.Path)
	return in, nil
}

// fetch copies a file of any file system here.
func fetch(ctx context.Context, name, to string) error {
	system, err := filesystem.New(ctx, name)
	if err != nil {
		return err
	}
	defer system.Close()
	r, err := system.OpenRead(ctx, name)
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	return errors.Join(err, w.Close())
}

// write makes a file of any file system.
func write(ctx context.Context, name string, b []byte) error {
	system, err := filesystem.New(ctx, name)
	if err != nil {
		return err
	}
	defer system.Close()
	w, err := system.OpenWrite(ctx, name)
	if err != nil {
		return err
	}
	_, err = w.Write(b)
	return errors.Join(err, w.Close())
}

// copyTree copies the files of a folder here to a folder of any file system.
func copyTree(ctx context.Context, from, to string) error {
	return filepath.WalkDir(from, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, p)
		if err != nil {
			return err
		}
		return write(ctx, to+"/"+filepath.ToSlash(rel), b)
	})
}

// isEmpty refuses a place for the results that holds something.
func isEmpty(ctx context.Context, dir string) error {
	system, err := filesystem.New(ctx, dir)
	if err != nil {
		return err
	}
	defer system.Close()
	list, err := system.List(ctx, dir+"/*")
	if err == nil && len(list) > 0 {
		return fmt.Errorf("%s holds %s already; name an empty place", dir, list[0])
	}
	return err
}
