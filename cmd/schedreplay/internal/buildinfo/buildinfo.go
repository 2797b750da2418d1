// Package buildinfo tells which version of the program this is, from what the go command
// stored in it.
package buildinfo

import (
	"fmt"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
)

// next is the version that builds between two releases lead to.
const next = "0.1.0-dev"

// release is the version of a module that was built from its tag, from a clean tree.
var release = regexp.MustCompile(`^v(\d+\.\d+\.\d+(?:-[a-z]+\.?\d*)?)$`)

// Version is the released version, and nothing of the build: results bear it, and the
// same input must give the same bytes.
func Version() string {
	info, _ := debug.ReadBuildInfo()
	return version(info)
}

func version(info *debug.BuildInfo) string {
	if info != nil {
		if m := release.FindStringSubmatch(info.Main.Version); m != nil {
			return m[1]
		}
	}
	return next
}

// Details are the lines of --version: the version, then the compiler and what is known
// of the source.
func Details() string {
	info, _ := debug.ReadBuildInfo()
	return details(info)
}

func details(info *debug.BuildInfo) string {
	out := fmt.Sprintf("schedreplay %s\n%s %s/%s", version(info), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	if info == nil {
		return out + "\n"
	}
	set := map[string]string{}
	for _, s := range info.Settings {
		set[s.Key] = s.Value
	}
	if r := set["vcs.revision"]; r != "" {
		out += fmt.Sprintf(", revision %s of %s", r[:min(len(r), 12)], set["vcs.time"])
		if set["vcs.modified"] == "true" {
			out += ", modified"
		}
	}
	return strings.TrimSpace(out) + "\n"
}
