// Package cmdline names captures and command lines in results, without paths.
package cmdline

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"schedreplay/findings/say"
	"schedreplay/parser"
)

// SectionName makes a folder name of a capture's path: its file without
// endings, or its folder where the file has a name that every capture has.
func SectionName(path string) string {
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

// Without is the command line without paths, so that the same input gives the
// same bytes wherever it lies.
func Without(cmd *cobra.Command) string {
	s := []string{"schedreplay", cmd.Name(), "CAPTURE"}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		switch f.Name {
		case "output", "color", "quiet", "verbose":
		case "host":
			s = append(s, "--host BUNDLE")
		case "affinity":
			list, _ := cmd.Flags().GetStringArray(f.Name) // declared as one
			for _, v := range list {
				s = append(s, "--affinity "+say.ShellWord(v))
			}
		default:
			s = append(s, "--"+f.Name+" "+say.ShellWord(f.Value.String()))
		}
	})
	return strings.Join(s, " ")
}

// CopyName is what a copy is called in its folder: nothing that the
// original's name tells.
func CopyName(d parser.Dialect) string {
	switch d {
	case parser.DialectPerfData:
		return "perf.data"
	case parser.DialectTraceDat:
		return "trace.dat"
	case parser.DialectPerfetto:
		return "trace.pftrace"
	case parser.DialectPerf:
		return "perf-script.txt"
	case parser.DialectTimehist:
		return "timehist.txt"
	case parser.DialectTraceCmd:
		return "trace-cmd.txt"
	}
	return "ftrace.txt"
}

// Settings are the flags given of a set, as arguments, but for the bundle's path: what else
// shapes a result.
func Settings(f *pflag.FlagSet) []string {
	var out []string
	f.VisitAll(func(x *pflag.Flag) {
		switch list, isList := x.Value.(pflag.SliceValue); {
		case !x.Changed, x.Name == "host":
		case isList:
			for _, v := range list.GetSlice() {
				out = append(out, "--"+x.Name+"="+v)
			}
		default:
			out = append(out, "--"+x.Name+"="+x.Value.String())
		}
	})
	return out
}
