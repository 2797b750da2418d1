package anonymize

import (
	"bytes"
	"fmt"
)

// cmdlines replaces the names in a saved_cmdlines text: "pid name" lines, a
// name's own newlines included.
func (n *Names) cmdlines(text []byte) {
	start := -1 // of the current name
	pos := 0
	flush := func(end int) {
		if start >= 0 && end > start {
			n.replace(text[start:end])
		}
	}
	for pos < len(text) {
		end := pos + bytes.IndexByte(text[pos:], '\n')
		if end < pos {
			end = len(text)
		}
		line := text[pos:end]
		if i := bytes.IndexByte(line, ' '); i > 0 && len(bytes.Trim(line[:i], "0123456789")) == 0 {
			flush(pos - 1)
			start = pos + i + 1
		} else if start < 0 {
			for i := range line {
				line[i] = 'x'
			}
		}
		pos = end + 1
	}
	end := len(text)
	for end > start && start >= 0 && (text[end-1] == '\n' || text[end-1] == 0) {
		end--
	}
	flush(end)
}

// refuse says why a capture cannot be rewritten.
func refuse(why string) error { return fmt.Errorf("%w: %s", ErrRefused, why) }
