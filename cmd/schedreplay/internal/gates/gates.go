// Package gates reads the bounds of check and compare.
package gates

import (
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"schedreplay/cmd/schedreplay/internal/usage"
	"schedreplay/findings"
)

// Demand is a gate as the command line gives it.
type Demand struct {
	Flag  string // without dashes; names the JUnit case
	Bound string // as it was given
	Gate  findings.Gate
}

// Limits are the flags of check that set bounds.
type Limits struct {
	Intrusion, P99, Delay string
	Entries, Lost         int64
	IgnoreResidents       bool
	AllowUnknown          bool
}

// Demands turns the flags that were given into gates.
func (l *Limits) Demands(f *pflag.FlagSet) ([]Demand, error) {
	var out []Demand
	for _, d := range []struct {
		flag     string
		duration string
		count    int64
		measure  findings.Measure
	}{
		{"max-intrusion", l.Intrusion, 0, findings.ForeignTime},
		{"max-p99", l.P99, 0, findings.OwnerP99},
		{"max-delay", l.Delay, 0, findings.OwnerWorst},
		{"max-entries", "", l.Entries, findings.EntryCount},
		{"max-lost", "", l.Lost, findings.LostEvents},
	} {
		if !f.Changed(d.flag) {
			continue
		}
		bound, n := d.duration, d.count
		switch d.measure {
		case findings.EntryCount, findings.LostEvents:
			if bound = fmt.Sprint(n); n < 0 {
				return nil, usage.Errorf("--%s %d is negative", d.flag, n)
			}
		default:
			var err error
			if n, err = parseDuration("--"+d.flag, bound); err != nil {
				return nil, err
			}
		}
		out = append(out, Demand{d.flag, bound, findings.Gate{Measure: d.measure, Max: n, IgnoreResidents: l.IgnoreResidents, AllowUnknown: l.AllowUnknown}})
	}
	if len(out) == 0 {
		return nil, usage.Errorf("nothing to check: give a bound, as in --max-intrusion 0ms")
	}
	return out, nil
}

// Compare turns the flags that were given into gates.
func Compare(f *pflag.FlagSet, p99 string, intrusions int64) ([]findings.Gate, error) {
	var list []findings.Gate
	if f.Changed("max-p99") {
		ns, err := parseDuration("--max-p99", p99)
		if err != nil {
			return nil, err
		}
		list = append(list, findings.Gate{Measure: findings.OwnerP99, Max: ns})
	}
	if f.Changed("max-intrusions") {
		if intrusions < 0 {
			return nil, usage.Errorf("--max-intrusions %d: a number of intrusions is not negative", intrusions)
		}
		list = append(list, findings.Gate{Measure: findings.EntryCount, Max: intrusions})
	}
	return list, nil
}

// parseDuration reads a duration that is not negative, in ns.
func parseDuration(flag, s string) (int64, error) {
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, usage.Errorf("%s %q is no duration; write a number and its unit, as in 0ms, 200us, 1.5s", flag, s)
	}
	return int64(d), nil
}
