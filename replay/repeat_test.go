package replay_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
)

// printed is a line of tracefs' trace up to its time, and that: seconds and their fraction.
var printed = regexp.MustCompile(`^(.*?-\d+ +(?:\([^)]*\) +)?\[\d+\] +\S+ +)(\d+)\.(\d{6}):`)

// repeatFtrace writes a trace of tracefs, as text, whose lines are those of another some times
// over, each time later.
func repeatFtrace(from, to string, times int) error {
	in, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	lines := bytes.SplitAfter(in, []byte("\n"))
	at := func(m []int, line []byte) int64 {
		us, err := strconv.ParseInt(string(line[m[4]:m[5]])+string(line[m[6]:m[7]]), 10, 64)
		if err != nil {
			return 0
		}
		return us
	}
	first, last := int64(0), int64(0)
	for _, line := range lines {
		if m := printed.FindSubmatchIndex(line); m != nil {
			if first == 0 {
				first = at(m, line)
			}
			last = max(last, at(m, line))
		}
	}
	if first == 0 {
		return errors.New("no line with a time")
	}
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer out.Close()
	w := bufio.NewWriterSize(out, 1<<20)
	for i := range times {
		later := int64(i) * (last - first + 1000)
		for _, line := range lines {
			m := printed.FindSubmatchIndex(line)
			switch {
			case m != nil:
				us := at(m, line) + later
				fmt.Fprintf(w, "%s%d.%06d%s", line[:m[3]], us/1e6, us%1e6, line[m[7]:]) // the first error of w is what Flush returns
			case i == 0 || !bytes.HasPrefix(line, []byte("#")): // of a name that holds a line feed
				_, _ = w.Write(line)
			}
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return out.Close()
}
