package fleetrun

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Digest tells inputs apart: all that a row set follows from goes into it, the program's
// version, its settings, and the bytes of the capture and of its bundle. It is empty where
// one of them cannot be read twice.
func Digest(program string, settings []string, in Input) string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q\n", program, settings)
	for _, p := range [...]string{in.Path, in.Bundle} {
		if p != "" && !addTree(h, p) {
			return ""
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// addTree adds a file, or the files of a folder, to a digest; false if they cannot be read,
// or not twice.
func addTree(h hash.Hash, root string) bool {
	if real, err := filepath.EvalSymlinks(root); err == nil {
		root = real
	}
	var files []string
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, p)
		}
		return err
	})
	if err != nil {
		return false
	}
	slices.Sort(files)
	for _, p := range files {
		st, err := os.Stat(p)
		if err != nil || !st.Mode().IsRegular() {
			return false // a pipe would be waited for
		}
		f, err := os.Open(p)
		if err != nil {
			return false
		}
		rel, _ := filepath.Rel(root, p)
		fmt.Fprintf(h, "%q %d\n", rel, st.Size())
		n, err := io.Copy(h, f)
		f.Close()
		if err != nil || n != st.Size() {
			return false
		}
	}
	return true
}
