package say

import "strings"

// Terminal returns text without its marks, the blanks within names and kernel words as
// no-break spaces: where a line is broken, names stay whole. The input never holds such a
// space: what is printed of it goes through Clean or parser.DisplayComm.
func Terminal(s string) string {
	var b strings.Builder
	inside := false
	for _, r := range s {
		switch {
		case r == MarkName || r == MarkCode:
			inside = true
		case r == MarkEnd:
			inside = false
		case r >= MarkCode && r < MarkEnd:
		case r == ' ' && inside:
			b.WriteRune('\u00a0')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
