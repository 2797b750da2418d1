// Package openmetrics writes results as OpenMetrics text, which Prometheus and its likes
// scrape, or read from a folder of files. Names bear their units, as there usual: seconds.
// docs/fleet.md and docs/comparing.md list them.
package openmetrics

import (
	"strconv"
	"strings"

	"schedreplay/stats"
)

// Label is a name with a value, which may be any text.
type Label struct{ Name, Value string }

// Text is a document in the making: families of samples. Families must not be mixed.
type Text struct {
	b      []byte
	family string
}

// family begins a family unless it is the one that is open.
func (t *Text) begin(name, kind, unit, help string) {
	if t.family == name {
		return
	}
	t.family = name
	t.b = append(t.b, "# TYPE "+name+" "+kind+"\n"...)
	if unit != "" {
		t.b = append(t.b, "# UNIT "+name+" "+unit+"\n"...)
	}
	t.b = append(t.b, "# HELP "+name+" "+help+"\n"...)
}

var escape = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)

func (t *Text) sample(name string, labels []Label, value string) {
	t.b = append(t.b, name...)
	for i, l := range labels {
		t.b = append(t.b, "{,"[min(i, 1)])
		t.b = append(t.b, l.Name+`="`+escape.Replace(strings.ToValidUTF8(l.Value, "\ufffd"))+`"`...)
	}
	if len(labels) > 0 {
		t.b = append(t.b, '}')
	}
	t.b = append(t.b, " "+value+"\n"...)
}

// Count adds a gauge that counts.
func (t *Text) Count(name, help string, n int64, labels ...Label) {
	t.begin(name, "gauge", "", help)
	t.sample(name, labels, strconv.FormatInt(n, 10))
}

// Bool adds a gauge that is 1 or 0.
func (t *Text) Bool(name, help string, v bool, labels ...Label) {
	n := int64(0)
	if v {
		n = 1
	}
	t.Count(name, help, n, labels...)
}

// Ratio adds a gauge from 0 to 1.
func (t *Text) Ratio(name, help string, v float64, labels ...Label) {
	t.begin(name, "gauge", "ratio", help)
	t.sample(name, labels, strconv.FormatFloat(v, 'g', 9, 64))
}

// Seconds adds a gauge of a duration in ns.
func (t *Text) Seconds(name, help string, ns int64, labels ...Label) {
	t.begin(name, "gauge", "seconds", help)
	t.sample(name, labels, seconds(ns))
}

// Delays adds a summary of a distribution: the quantiles that are known, the sum and the
// count. Nothing is added of an empty one.
func (t *Text) Delays(name, help string, d *stats.Dist, labels ...Label) {
	if d.Count() == 0 {
		return
	}
	t.begin(name, "summary", "seconds", help)
	for _, p := range [...]struct {
		percent float64
		label   string
	}{{50, "0.5"}, {90, "0.9"}, {99, "0.99"}, {99.9, "0.999"}} {
		if ns, ok := d.Percentile(p.percent); ok {
			t.sample(name, append(labels[:len(labels):len(labels)], Label{"quantile", p.label}), seconds(ns))
		}
	}
	t.sample(name+"_sum", labels, seconds(d.Mean()*d.Count()))
	t.sample(name+"_count", labels, strconv.FormatInt(d.Count(), 10))
}

func seconds(ns int64) string {
	return strconv.FormatFloat(float64(ns)/1e9, 'f', -1, 64)
}

// Bytes ends the document and returns it.
func (t *Text) Bytes() []byte { return append(t.b, "# EOF\n"...) }
