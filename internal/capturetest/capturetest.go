// Package capturetest opens real captures, and has the names that captures may
// hold and outputs must survive. It is for tests only.
package capturetest

import (
	"cmp"
	"testing"

	"schedreplay/parser"
	"schedreplay/parser/host"
	"schedreplay/parser/open"
)

// Hostile are names that act where they are not made harmless.
var Hostile = []string{
	"<script>alert(1)</script>", "=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", " =1", "\x1b[31mred\x1b[0m", "\u202egnp.exe",
	"\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8\xf7\xf6\xf5\xf4\xf3\xf2\xf1", "two\nlines", "tab\there", `quo"te`, "com,ma", "\u0007bell", "null", "", "'=1",
	"back\\slash", "\ufffd",
}

// Open opens a capture with what a host bundle says of its machine; without a
// name, the bundle is the one found beside the capture.
func Open(t testing.TB, path, bundle string) (*open.Input, *parser.Host) {
	t.Helper()
	in, err := open.File(t.Context(), path, open.Options{Temp: parser.Temp{Dir: t.TempDir()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close() })
	b, err := host.Read(t.Context(), cmp.Or(bundle, in.Bundle, in.Beside))
	if err != nil {
		t.Fatal(err)
	}
	h, err := host.Merge(in.Meta().Host, b, host.Flags{})
	if err != nil {
		t.Fatal(err)
	}
	return in, h
}
