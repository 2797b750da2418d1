package host

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"

	"schedreplay/parser"
)

// functionsFile holds, in a bundle, the lines of /proc/kallsyms that name functions which
// timers and work items run: binary recordings tell them by address.
const functionsFile = "schedreplay/functions"

// timed are how such functions are called.
var timed = regexp.MustCompile(`^[A-Za-z_]\w*(?:timer|timer_fn|timer_func|_fn|_work|_workfn|_worker|_func|_timeout|_wakeup|_update|_shepherd|_tmrproc|_watchdog|_handler|_interrupt|_monitor)$`)

// maxFunctions bounds what is kept of /proc/kallsyms.
const maxFunctions = 20_000

// functions are the lines kept of /proc/kallsyms below a root, nil if there are none: who
// may not see addresses reads zeros.
func functions(root string) []byte {
	f, err := os.Open(filepath.Join(root, "proc", "kallsyms"))
	if err != nil {
		return nil
	}
	defer f.Close()
	text, _ := io.ReadAll(io.LimitReader(f, parser.MaxKallsyms)) // what was read of it will do
	var out []byte
	n := 0
	for line := range bytes.Lines(text) {
		if _, name, ok := function(line); ok && n < maxFunctions && timed.MatchString(name) {
			out = append(out, line...)
			n++
		}
	}
	return out
}

// function reads a line of kallsyms; false if it is no function.
func function(line []byte) (address uint64, name string, ok bool) {
	address, kind, text, ok := parser.Kallsym(line)
	return address, string(text), ok && kind == 't' && len(text) <= 256
}

// readFunctions fills the functions that the bundle names.
func (t *tree) readFunctions(h *parser.Host) {
	text, _ := t.value(functionsFile)
	for line := range bytes.Lines([]byte(text)) {
		address, name, ok := function(line)
		if !ok || len(h.Functions) >= maxFunctions {
			continue
		}
		if h.Functions == nil {
			h.Functions = map[uint64]string{}
		}
		h.Functions[address] = name
	}
}
