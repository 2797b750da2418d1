// Package scenario reads what is asked of the closed loop in words: a machine and its tasks as
// they would be.
package scenario

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"schedreplay/loop/outcome"
)

// Err is wrapped by errors about scenarios that make no sense or are not modelled.
var Err = errors.New("no such scenario")

// Scenario is a machine and its tasks as they would be: the recorded ones with changes.
type Scenario struct {
	Name    string
	Changes []outcome.Change
}

// keys are the changes there are; task ones name a task, or a scheduler feature.
var keys = map[string]struct{ task, value bool }{
	"kernel": {false, true}, "isolated": {false, true}, "partition": {false, true}, "smt": {false, true}, "base_slice": {false, true}, "feature": {true, true},
	"irq": {true, true}, "nohz_full": {false, true}, "workqueue": {false, true},
	"affinity": {true, true}, "max": {true, true}, "nice": {true, true}, "weight": {true, true}, "policy": {true, true}, "period": {true, true}, "work": {true, true}, "without": {true, false},
}

// Parse reads NAME=CHANGE,…: a change is kernel=KERNEL, isolated=CPULIST,
// partition=CPULIST (a cpuset partition, isolated, beside what is), smt=off,
// base_slice=DURATION, nohz_full=CPULIST, workqueue=CPULIST, irq:NAME=CPULIST (a device's
// interrupt), max:/GROUP=QUOTA/PERIOD (as cpu.max; max for none), feature:NAME=on|off,
// affinity:TASK=CPULIST, nice:TASK=N, weight:TASK=N (as cpu.weight, 100 is that of nice 0),
// policy:TASK=fifo:N|rr:N|other|batch|idle, period:TASK=DURATION, work:TASK=FACTOR or
// without:TASK. TASK is a name or a pid. A list of CPUs may hold commas: a part without a key
// belongs to the change before it. The error wraps [Err].
func Parse(s string) (Scenario, error) {
	name, list, ok := strings.Cut(s, "=")
	if !ok || !isName(name) || list == "" {
		return Scenario{}, fmt.Errorf("%w: %q; write NAME=CHANGE,…, as in taskset=affinity:ksmd=0-41", Err, s)
	}
	sc := Scenario{Name: name}
	for _, part := range strings.Split(list, ",") {
		if n := len(sc.Changes); n > 0 && keys[sc.Changes[n-1].Key].value && part != "" && strings.Trim(part, "0123456789-") == "" {
			sc.Changes[n-1].Value += "," + part
			continue
		}
		if err := sc.add(part); err != nil {
			return sc, err
		}
	}
	return sc, nil
}

// isName reports whether a scenario may be called so: by what can be printed, in one line.
func isName(s string) bool {
	return s != "" && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// add adds a change as it is written. A value has no =, a name may.
func (sc *Scenario) add(text string) error {
	key, _, _ := strings.Cut(text, ":")
	key, _, _ = strings.Cut(key, "=")
	k, known := keys[key]
	head, value := text, ""
	if i := strings.LastIndexByte(text, '='); i >= 0 && k.value {
		head, value = text[:i], text[i+1:]
	}
	_, task, named := strings.Cut(head, ":")
	switch {
	case !known:
		return fmt.Errorf("%w: %s: %q is no change; there are %s", Err, sc.Name, key, strings.Join(words(), ", "))
	case k.task != (named && task != ""), k.value != (value != ""):
		return fmt.Errorf("%w: %s: %q is not how %s is written", Err, sc.Name, text, key)
	}
	sc.Changes = append(sc.Changes, outcome.Change{Key: key, Task: task, Value: value})
	return nil
}

// mostFile bounds a file of scenarios, in bytes.
const mostFile = 1 << 20

// Read reads scenarios in JSON or YAML, a list of {"name": NAME, "changes": [CHANGE, …]}:
// there the names of tasks and interrupts may hold commas. The error wraps [Err].
func Read(r io.Reader) ([]Scenario, error) {
	b, err := io.ReadAll(io.LimitReader(r, mostFile+1))
	if err == nil && len(b) > mostFile {
		err = fmt.Errorf("more than %d bytes", mostFile)
	}
	var list []struct {
		Name    string
		Changes []string
	}
	if err == nil && json.Valid(b) {
		d := json.NewDecoder(bytes.NewReader(b))
		d.DisallowUnknownFields()
		err = d.Decode(&list)
	} else if err == nil {
		d := yaml.NewDecoder(bytes.NewReader(b))
		d.KnownFields(true)
		err = d.Decode(&list)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w; write [{\"name\": \"NAME\", \"changes\": [\"CHANGE\"]}], or the like in YAML", Err, err)
	}
	var out []Scenario
	for _, x := range list {
		sc := Scenario{Name: x.Name}
		if !isName(x.Name) || x.Changes == nil {
			return nil, fmt.Errorf("%w: one without a name that can be printed, or without changes", Err)
		}
		for _, text := range x.Changes {
			if err := sc.add(text); err != nil {
				return nil, err
			}
		}
		out = append(out, sc)
	}
	if out == nil {
		return nil, fmt.Errorf("%w: the list is empty", Err)
	}
	return out, nil
}

// words are those that begin a change.
func words() []string {
	var out []string
	for k := range keys {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// Fail is an error about one of the scenario's changes.
func (sc *Scenario) Fail(c outcome.Change, format string, a ...any) error {
	return fmt.Errorf("%w: %s: %s: %s", Err, sc.Name, c, fmt.Sprintf(format, a...))
}
