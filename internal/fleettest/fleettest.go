// Package fleettest makes fleets of small captures out of the recordings of testdata, for
// tests and measurements only.
package fleettest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// Lines is the length of a capture.
const Lines = 400

// recording is one of testdata, in lines, and its bundle.
type recording struct {
	head   []byte
	lines  [][]byte
	bundle []byte
}

// Make writes a folder with n captures, host0000/ftrace.txt with its bundle and so on,
// each a stretch of one of the recordings in traces with a host name of its own. Of every
// bad captures one is empty, one is no capture, one is a pipe that nobody writes to, and
// one has a damaged line; 0 is none.
func Make(traces, dir string, n, bad int) error {
	all, err := read(traces)
	if err != nil {
		return err
	}
	for i := range n {
		host := filepath.Join(dir, fmt.Sprintf("host%04d", i))
		if err := os.MkdirAll(host, 0o777); err != nil {
			return err
		}
		at := filepath.Join(host, "ftrace.txt")
		r := &all[i%len(all)]
		from := i / len(all) * 97 % (len(r.lines) - Lines)
		text := append(bytes.Clone(r.head), bytes.Join(r.lines[from:from+Lines], nil)...)
		kind := -1
		if bad > 0 {
			kind = i%bad - bad/2
		}
		switch kind {
		case 0:
			text = nil
		case 1:
			text = bytes.Repeat([]byte("no capture at all\n"), 200)
		case 2:
			if err := syscall.Mkfifo(at, 0o666); err != nil {
				return err
			}
			continue
		case 3:
			text = append(text, r.lines[0][:len(r.lines[0])/2]...)
		}
		bundle, err := named(fmt.Sprintf("node%04d", i), r.bundle)
		if err := errors.Join(err, os.WriteFile(at, text, 0o666), os.WriteFile(filepath.Join(host, "host.tar.gz"), bundle, 0o666)); err != nil {
			return err
		}
	}
	return nil
}

func read(traces string) ([]recording, error) {
	files, err := filepath.Glob(filepath.Join(traces, "*", "ftrace.txt.gz"))
	if err != nil || len(files) == 0 {
		return nil, errors.Join(err, fmt.Errorf("no recordings in %s", traces))
	}
	var out []recording
	for _, p := range files {
		f, err := os.Open(p)
		if err != nil {
			return nil, err
		}
		z, err := gzip.NewReader(f)
		if err != nil {
			return nil, err
		}
		text, err := io.ReadAll(z)
		f.Close()
		if err != nil {
			return nil, err
		}
		var r recording
		for l := range bytes.Lines(text) {
			if l[0] == '#' {
				r.head = append(r.head, l...)
			} else {
				r.lines = append(r.lines, l)
			}
		}
		if r.bundle, err = os.ReadFile(filepath.Join(filepath.Dir(p), "host.tar.gz")); err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

const hostname = "host/proc/sys/kernel/hostname"

// named is a bundle with another host name.
func named(host string, bundle []byte) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	t := tar.NewWriter(z)
	err := t.WriteHeader(&tar.Header{Name: hostname, Mode: 0o644, Size: int64(len(host)) + 1, Typeflag: tar.TypeReg})
	if err == nil {
		_, err = t.Write([]byte(host + "\n"))
	}
	from, openErr := gzip.NewReader(bytes.NewReader(bundle))
	if err = errors.Join(err, openErr); err != nil {
		return nil, err
	}
	for r := tar.NewReader(from); ; {
		h, err := r.Next()
		switch {
		case err == io.EOF:
			err = errors.Join(t.Close(), z.Close())
			return b.Bytes(), err
		case err != nil:
			return nil, err
		case h.Name == hostname:
			continue
		}
		if err := t.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := io.Copy(t, r); err != nil {
			return nil, err
		}
	}
}
