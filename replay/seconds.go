package replay

import "strconv"

// Seconds prints a time or duration in ns as decimal seconds with six digits,
// rounded down.
func Seconds(ns int64) string {
	var buf [24]byte
	b := buf[:0]
	if ns < 0 {
		b, ns = append(b, '-'), -ns
	}
	b = append(strconv.AppendInt(b, ns/1e9, 10), '.')
	us := ns % 1e9 / 1e3
	for unit := int64(100_000); unit > 1 && us < unit; unit /= 10 {
		b = append(b, '0')
	}
	return string(strconv.AppendInt(b, us, 10))
}
