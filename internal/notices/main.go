// Command notices writes the licences of everything that a binary holds: each module
// with its version and the text of its licence files, Go's own, and those of files
// that the project embeds. It fails if a module has none, or one that it does not know
// to allow what we do.
//
//	go run ./internal/notices -o NOTICES ./cmd/schedreplay
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// licences are the ones that may be linked in, by words that only they hold.
var licences = []struct{ name, words string }{
	{"Apache-2.0", "Apache License"},
	{"MIT", "Permission is hereby granted, free of charge"},
	{"BSD", "Redistribution and use in source and binary forms"},
	{"ISC or 0BSD", "Permission to use, copy, modify, and/or distribute this software"},
	{"OFL-1.1", "SIL OPEN FONT LICENSE"},
	{"FTL", "The FreeType License"}, // or the GPL, of which we make no use
	{"Unlicense", "This is free and unencumbered software"},
}

var (
	fileName = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents|unlicense)([.-].*)?$`)
	spaces   = regexp.MustCompile(`\s+`)
)

// part is something with a licence.
type part struct{ name, version, dir string }

func main() {
	out := flag.String("o", "NOTICES", "write to `FILE`")
	flag.Parse()
	if err := run(*out, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "notices:", err)
		os.Exit(1)
	}
}

func run(out string, packages []string) error {
	parts, err := modules(packages)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "schedreplay contains the following works of others, under the licences below.\n")
	for _, p := range parts {
		if err := notice(&b, p); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Dir(out), 0o777); err != nil {
		return err
	}
	return os.WriteFile(out, b.Bytes(), 0o666)
}

// modules are those that the packages are built of on Linux, by name, after Go itself
// and the files that the project embeds. The working folder is the project's.
func modules(packages []string) ([]part, error) {
	goroot, err := exec.Command("go", "env", "GOROOT", "GOVERSION").Output()
	if err != nil {
		return nil, err
	}
	env := strings.Fields(string(goroot))
	parts := []part{{"Go standard library", env[1], env[0]}}
	third, err := filepath.Glob("*/third_party/*")
	if err != nil {
		return nil, err
	}
	for _, dir := range third {
		parts = append(parts, part{filepath.Base(dir), "", dir})
	}
	c := exec.Command("go", append([]string{"list", "-deps", "-json=Module"}, packages...)...)
	c.Stderr = os.Stderr
	c.Env = append(os.Environ(), "GOOS=linux", "CGO_ENABLED=0")
	list, err := c.Output()
	if err != nil {
		return nil, err
	}
	seen := map[string]part{}
	for d := json.NewDecoder(bytes.NewReader(list)); ; {
		var p struct {
			Module *struct {
				Path, Version, Dir string
				Main               bool
			}
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		if m := p.Module; m != nil && !m.Main {
			seen[m.Path] = part{m.Path, m.Version, m.Dir}
		}
	}
	var mods []part
	for _, p := range seen {
		mods = append(mods, p)
	}
	slices.SortFunc(mods, func(a, b part) int { return strings.Compare(a.name, b.name) })
	return append(parts, mods...), nil
}

// notice writes the licence files at the top of a part.
func notice(b *bytes.Buffer, p part) error {
	list, err := os.ReadDir(p.dir)
	if err != nil {
		return err
	}
	var known []string
	var texts [][]byte
	for _, e := range list {
		if e.IsDir() || !fileName.MatchString(e.Name()) || strings.HasSuffix(e.Name(), ".go") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(p.dir, e.Name()))
		if err != nil {
			return err
		}
		flat := spaces.ReplaceAllString(string(text), " ")
		if strings.Contains(flat, "GNU GENERAL PUBLIC") || strings.Contains(flat, "GNU LESSER GENERAL") || strings.Contains(flat, "GNU AFFERO") {
			return fmt.Errorf("%s %s: %s is a GNU licence", p.name, p.version, e.Name())
		}
		for _, l := range licences {
			if strings.Contains(flat, l.words) && !slices.Contains(known, l.name) {
				known = append(known, l.name)
			}
		}
		texts = append(texts, bytes.TrimRight(text, "\n"))
	}
	if slices.Contains(known, "FTL") {
		text, err := os.ReadFile(filepath.Join(p.dir, "licenses", "ftl.txt"))
		if err != nil {
			return err
		}
		texts = append(texts, bytes.TrimRight(text, "\n"))
	}
	if len(known) == 0 {
		return fmt.Errorf("%s %s has no licence that is known to allow linking", p.name, p.version)
	}
	fmt.Fprintf(b, "\n%s\n%s (%s)\n\n", strings.Repeat("=", 80), strings.TrimSpace(p.name+" "+p.version), strings.Join(known, ", "))
	b.Write(bytes.Join(texts, []byte("\n\n")))
	b.WriteByte('\n')
	return nil
}
