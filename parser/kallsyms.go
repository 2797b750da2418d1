package parser

import (
	"bytes"
	"strconv"
)

// MaxKallsyms bounds what is read of a kallsyms file, in bytes: one with all modules has some
// twenty million.
const MaxKallsyms = 64 << 20

// Kallsym reads a line of a kallsyms file (kernel/kallsyms.c, s_show): "address type name",
// with the module behind a tab. kind is its type in small letters: t is a function, w a weak
// one. It reports false of any other text, and of a hidden address: who may not see them
// reads zeros.
func Kallsym(line []byte) (address uint64, kind byte, name []byte, ok bool) {
	f := bytes.Fields(line)
	if len(f) < 3 || len(f[1]) != 1 {
		return 0, 0, nil, false
	}
	address, err := strconv.ParseUint(string(f[0]), 16, 64)
	return address, f[1][0] | 0x20, f[2], err == nil && address != 0
}
