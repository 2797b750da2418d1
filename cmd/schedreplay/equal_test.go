package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"schedreplay/cpumask"
	"schedreplay/export/rows"
	"schedreplay/findings/say"
	"schedreplay/internal/traces"
)

// flatRow is a row as texts by column; "" is unknown. Sets of CPUs are lists, objects within
// an object are flat.
type flatRow map[string]string

// flatten puts a JSON object into a row.
func (r flatRow) flatten(prefix string, v map[string]any) {
	for k, x := range v {
		switch x := x.(type) {
		case nil:
			r[prefix+k] = ""
		case map[string]any:
			r.flatten(prefix+k+"_", x)
		case []any:
			var m cpumask.Mask
			for _, c := range x {
				if n, ok := c.(json.Number); ok {
					i, _ := n.Int64()
					m.Set(int(i))
				}
			}
			r[prefix+k] = m.String()
		default:
			r[prefix+k] = fmt.Sprint(x)
		}
	}
}

func decode(t *testing.T, b []byte, to any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(to); err != nil {
		t.Fatalf("%v in %.200s", err, b)
	}
}

func jsonRecord(t *testing.T, b []byte) flatRow {
	t.Helper()
	var v map[string]any
	decode(t, b, &v)
	r := flatRow{}
	r.flatten("", v)
	return r
}

func jsonlRecords(t *testing.T, b []byte) []flatRow {
	t.Helper()
	var out []flatRow
	for l := range bytes.Lines(b) {
		out = append(out, jsonRecord(t, l))
	}
	return out
}

func csvRecords(t *testing.T, b []byte) []flatRow {
	t.Helper()
	lines, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil || len(lines) == 0 {
		t.Fatalf("%d lines, %v", len(lines), err)
	}
	var out []flatRow
	for _, l := range lines[1:] {
		r := flatRow{}
		for i, k := range lines[0] {
			r[k] = l[i]
		}
		out = append(out, r)
	}
	return out
}

func parquetRecords(t *testing.T, path string) []flatRow {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p := parquet.NewReader(f)
	defer p.Close()
	columns := p.Schema().Columns()
	var out []flatRow
	buf := make([]parquet.Row, 64)
	for {
		n, err := p.ReadRows(buf)
		for _, row := range buf[:n] {
			r := flatRow{}
			for _, v := range row {
				k := columns[v.Column()][0]
				if r[k] = ""; !v.IsNull() {
					r[k] = v.String()
				}
			}
			out = append(out, r)
		}
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// same demands that two tables agree in every column that both have. rename gives the names
// in want of columns that got calls otherwise.
func same(t *testing.T, what string, want, got []flatRow, rename map[string]string) {
	t.Helper()
	if len(want) != len(got) {
		t.Errorf("%s: %d rows and %d", what, len(want), len(got))
		return
	}
	shared := 0
	for i := range want {
		for k, v := range got[i] {
			name := k
			if n := rename[k]; n != "" {
				name = n
			}
			w, ok := want[i][name]
			if !ok {
				continue
			}
			shared++
			if strings.HasSuffix(name, "comm") && v != w {
				w = rows.Cell(w) // CSV
			}
			if v != w {
				t.Errorf("%s, row %d: %s is %q and %q", what, i+1, name, w, v)
				return
			}
		}
	}
	if len(want) > 0 && shared < 6*len(want) {
		t.Errorf("%s: only %d values in common", what, shared)
	}
}

// by sorts records by some columns, numbers as such.
func by(list []flatRow, columns ...string) []flatRow {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b flatRow) int {
		for _, c := range columns {
			x, _ := strconv.ParseInt(a[c], 10, 64)
			y, _ := strconv.ParseInt(b[c], 10, 64)
			if x != y {
				return int(max(-1, min(1, x-y)))
			}
		}
		return 0
	})
	return list
}

// One fact is one number: whatever prints it, in whatever format, on every capture.
func TestOneFactOneNumber(t *testing.T) {
	list := traces.Recordings(t)
	if testing.Short() {
		list = list[:1]
	}
	for _, r := range list {
		t.Run(r.Folder+"/"+r.Name, func(t *testing.T) {
			t.Parallel()
			equalOn(t, r.Path, "--host="+r.Bundle)
		})
	}
	t.Run("noise", func(t *testing.T) {
		t.Parallel()
		equalOn(t, filepath.Join("..", "..", "replay", "testdata", "noise-6.18.txt.gz"), "--isolated=1", "--owner=python3")
	})
}

func equalOn(t *testing.T, capture string, flags ...string) {
	tmp := t.TempDir()
	in := func(name string) string { return filepath.Join(tmp, name) }
	must := func(args ...string) []byte {
		t.Helper()
		out, stderr, status := invoke(t, slices.Concat(args, flags, []string{"-q"})...)
		if status > exitCheck {
			t.Fatalf("%q: status %d, %s", args, status, stderr)
		}
		return []byte(out)
	}
	read := func(name string) []byte {
		t.Helper()
		b, err := os.ReadFile(in(name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, f := range []rows.Format{rows.CSV, rows.Parquet, rows.JSONL} {
		must("convert", capture, "--to", string(f), "-o", in(string(f)))
	}
	must("report", capture, "-o", in("report"), "--runs", "0")

	// Rows: the three formats of convert, what the commands print, the report's files.
	for _, table := range []string{"slices", "wakeups", "intrusions", "stays", "noise"} {
		want := jsonlRecords(t, read("jsonl/"+table+".jsonl"))
		same(t, table+" in CSV", want, csvRecords(t, read("csv/"+table+".csv")), nil)
		same(t, table+" in Parquet", want, parquetRecords(t, in("parquet/"+table+".parquet")), nil)
	}
	wakeups := jsonlRecords(t, read("jsonl/wakeups.jsonl"))
	same(t, "wakeups --format jsonl", wakeups, jsonlRecords(t, must("wakeups", capture, "--format", "jsonl")), nil)
	same(t, "wakeups --format csv", wakeups, csvRecords(t, must("wakeups", capture, "--format", "csv")), nil)
	reported := csvRecords(t, read("report/wakeups.csv"))
	var picked []flatRow
	for _, r := range reported {
		n, _ := strconv.Atoi(r["n"])
		picked = append(picked, wakeups[n-1])
	}
	same(t, "the report's wakeups", picked, reported, nil)
	runs := jsonlRecords(t, read("jsonl/intrusions.jsonl"))
	same(t, "the report's intrusions", runs, csvRecords(t, read("report/intrusions.csv")), nil)

	stays := by(jsonlRecords(t, read("jsonl/stays.jsonl")), "cpu", "arrived_ns", "pid")
	same(t, "the report's stays", stays, by(csvRecords(t, read("report/stays.csv")), "cpu", "arrived_ns", "pid"), map[string]string{"came": "how"})
	var told struct {
		CPUs []struct {
			CPU   int
			Stays []map[string]any
		}
	}
	var fromJSON []flatRow
	decode(t, must("intrusions", capture, "--format", "json"), &told)
	entries, runNS := 0, int64(0)
	for _, c := range told.CPUs {
		for _, s := range c.Stays {
			r := flatRow{"cpu": strconv.Itoa(c.CPU)}
			r.flatten("", s)
			fromJSON = append(fromJSON, r)
			if r["how"] != "resident-at-start" {
				entries++
			}
			n, _ := strconv.ParseInt(r["run_ns"], 10, 64)
			runNS += n
		}
	}
	same(t, "intrusions --format json", stays, by(fromJSON, "cpu", "arrived_ns", "pid"), nil)

	var rep struct {
		Sum struct {
			Entries int
			RunNS   int64 `json:"foreign_run_ns"`
			Delay   *struct {
				Count int64
				P99   *int64 `json:"p99_ns"`
				Max   int64  `json:"max_ns"`
			} `json:"owner_delay"`
			Gap *gapSum `json:"owner_gap"`
		}
		Notes []string
		CPUs  []struct {
			CPU     int
			Owner   *struct{ PID int }
			Entries int
			RunNS   int64  `json:"foreign_run_ns"`
			ToldBy  string `json:"owner_told_by"`
			Stays   []map[string]any
			Noise   *struct{ Items []map[string]any }
		}
	}
	decode(t, read("report/report.json"), &rep)
	fromJSON = nil
	sum := 0
	for _, c := range rep.CPUs {
		sum += c.Entries
		for _, s := range c.Stays {
			r := flatRow{"cpu": strconv.Itoa(c.CPU)}
			r.flatten("", s)
			for _, k := range []string{"patched_run_ns", "patched_wakings"} { // arrays of two bounds
				delete(r, k)
			}
			fromJSON = append(fromJSON, r)
		}
	}
	same(t, "the stays of report.json", stays, by(fromJSON, "cpu", "arrived_ns", "task_pid"), map[string]string{"task_pid": "pid", "task_comm": "comm"})

	// Noise: the rows, the report, and the summary that a fleet adds up.
	noise := jsonlRecords(t, read("jsonl/noise.jsonl"))
	said := strings.Split(strings.TrimSpace(string(must("summarize", capture, "-o", in("set")))), "\n")
	set := said[len(said)-1]
	same(t, "the noise of a row set", noise, parquetRecords(t, filepath.Join(set, "noise.parquet")), nil)
	for _, c := range rep.CPUs {
		if c.Noise == nil {
			continue
		}
		var named, items []flatRow
		for _, r := range noise {
			if r["cpu"] == strconv.Itoa(c.CPU) && r["longest_ns"] != "" {
				named = append(named, r)
			}
		}
		for _, i := range c.Noise.Items {
			r := flatRow{}
			r.flatten("", i)
			delete(r, "causes")
			if list, ok := i["causes"].([]any); ok && len(list) > 0 {
				r.flatten("cause_", list[0].(map[string]any))
			}
			items = append(items, r)
		}
		same(t, "the noise of report.json", named, items, map[string]string{"cause_name": "cause"})
	}
	summedNoise(t, noise, set)

	// Sums: entries, time and percentiles in report.json, intrusions, check, compare, sweep.
	number := func(what string, want, got any) {
		t.Helper()
		if d := cmp.Diff(fmt.Sprint(want), fmt.Sprint(got)); d != "" {
			t.Errorf("%s: %s", what, d)
		}
	}
	number("entries of report.json", entries, rep.Sum.Entries)
	number("entries of report.json, by CPU", entries, sum)
	number("run time of report.json", runNS, rep.Sum.RunNS)

	var compared struct {
		Captures []struct {
			Entries int
			RunNS   int64                               `json:"foreign_run_ns"`
			Wakings int64                               `json:"owner_wakings"`
			Delay   map[string]*struct{ Value float64 } `json:"owner_delay_ns"`
			Max     *int64                              `json:"owner_delay_max_ns"`
			Gaps    int64                               `json:"owner_gaps"`
			MaxGap  *int64                              `json:"owner_gap_max_ns"`
		}
	}
	decode(t, must("compare", capture, capture, "--format", "json"), &compared)
	c := compared.Captures[1]
	number("entries of compare", entries, c.Entries)
	number("run time of compare", runNS, c.RunNS)
	if d := rep.Sum.Delay; d != nil {
		number("wakings of compare", d.Count, c.Wakings)
		number("longest delay of compare", d.Max, *c.Max)
		if d.P99 != nil {
			number("p99 of compare", *d.P99, int64(c.Delay["p99"].Value))
		}
	}

	// The owners' off-CPU gaps: in report.json, compare, the rows and the loop's recording.
	owners := map[string]string{}
	polls := false
	for _, c := range rep.CPUs {
		if c.Owner != nil {
			owners[strconv.Itoa(c.CPU)] = strconv.Itoa(c.Owner.PID)
		}
		polls = polls || c.ToldBy == "off-CPU gap"
	}
	var gap gapSum
	for _, r := range jsonlRecords(t, read("jsonl/slices.jsonl")) {
		if ns, err := strconv.ParseInt(r["gap_ns"], 10, 64); err == nil && owners[r["cpu"]] == r["pid"] {
			gap.Count++
			gap.Sum += ns
			gap.Max = max(gap.Max, ns)
		}
	}
	if rep.Sum.Gap == nil {
		rep.Sum.Gap = &gapSum{}
	}
	slicesGap := *rep.Sum.Gap
	if slices.ContainsFunc(rep.Notes, func(n string) bool { return strings.Contains(n, "the clock stood still") }) {
		slicesGap.Sum = gap.Sum // rows have times as they were written, the replay as they must have been
	}
	number("gaps of the slices", slicesGap, gap)
	number("gaps of compare", rep.Sum.Gap.Count, c.Gaps)
	if c.MaxGap != nil {
		number("longest gap of compare", rep.Sum.Gap.Max, *c.MaxGap)
	}
	if polls && len(rep.CPUs) == 1 && strings.HasPrefix(flags[0], "--host=") { // the loop needs a machine
		gapsAgree(t, must("whatif", capture, "--runs", "1", "--format", "json"), rep.CPUs[0].Owner.PID, gap)
		for bound, want := range map[int64]int{gap.Max: 0, gap.Max - 1: 1} {
			if _, _, status := invoke(t, slices.Concat([]string{"check", capture, "-q", "--max-delay", fmt.Sprintf("%dns", bound)}, flags)...); status != want {
				t.Errorf("check --max-delay %d of a longest gap of %d: %d", bound, gap.Max, status)
			}
		}
	}

	var swept struct {
		Why      *string `json:"why_empty"`
		Recorded []struct {
			Entries int
			HeldNS  int64 `json:"held_ns"`
		}
	}
	decode(t, must("sweep", capture, "--format", "json"), &swept)
	if swept.Why == nil {
		n, ns := 0, int64(0)
		for _, r := range swept.Recorded {
			n += r.Entries
			ns += r.HeldNS
		}
		number("entries of sweep", entries, n)
		number("run time of sweep", runNS, ns)
	}
	checkAgrees(t, capture, flags, entries, runNS, !polls && rep.Sum.Delay != nil && rep.Sum.Delay.P99 != nil, func() int64 { return *rep.Sum.Delay.P99 })
}

// summedNoise holds the noise in the summary of a row set against the rows.
func summedNoise(t *testing.T, rows []flatRow, set string) {
	t.Helper()
	type sum struct{ Count, NS, Longest, Owner, Told int64 }
	want, got := map[string]sum{}, map[string]sum{}
	last := ""
	for _, r := range rows {
		n := func(column string) int64 { v, _ := strconv.ParseInt(r[column], 10, 64); return v }
		s := want[r["kind"]]
		s.Count += n("count")
		s.NS += n("ns")
		s.Owner += n("owner_ns")
		s.Longest = max(s.Longest, n("longest_ns"))
		if key := r["cpu"] + r["kind"]; key != last {
			last = key
			s.Told += n("told_ns")
		}
		want[r["kind"]] = s
	}
	b, err := os.ReadFile(filepath.Join(set, "summary.json"))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Noise struct {
			Sources []struct {
				Kind    string
				Count   int64
				NS      int64
				Longest int64 `json:"longest_ns"`
				Owner   int64 `json:"owner_ns"`
			}
			Told map[string]int64 `json:"told_ns"`
		}
	}
	decode(t, b, &doc)
	for kind := range want {
		got[kind] = sum{Told: doc.Noise.Told[kind]}
	}
	for _, x := range doc.Noise.Sources {
		s := got[x.Kind]
		s.Count += x.Count
		s.NS += x.NS
		s.Owner += x.Owner
		s.Longest = max(s.Longest, x.Longest)
		got[x.Kind] = s
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("noise by kind, rows and summary: %s", d)
	}
}

// checkAgrees holds check's figures, and the verdicts of check and compare at and one below
// each of them, against those of the other outputs.
func checkAgrees(t *testing.T, capture string, flags []string, entries int, runNS int64, hasP99 bool, p99 func() int64) {
	t.Helper()
	verdict := func(args ...string) (string, int) {
		t.Helper()
		out, stderr, status := invoke(t, slices.Concat(args, flags, []string{"-q"})...)
		if status > exitCheck {
			t.Fatalf("%q: status %d, %s", args, status, stderr)
		}
		return out, status
	}
	out, _ := verdict("check", capture, "--max-entries", strconv.Itoa(entries), "--max-intrusion", fmt.Sprintf("%dns", runNS), "--allow-unknown")
	if !regexp.MustCompile(`\b`+strings.ReplaceAll(say.Counted(int64(entries), "entry", "entries"), ",", ",")+`\b`).MatchString(out) && !strings.Contains(out, "isolated") {
		t.Errorf("check tells other entries than %d: %s", entries, out)
	}
	if strings.Contains(out, "isolated") { // none is, or it is not known
		return
	}
	if !strings.Contains(out, "OK: ") || !strings.Contains(out, say.Milliseconds(runNS)) {
		t.Errorf("check of %d entries and %d ns: %s", entries, runNS, out)
	}
	if !hasP99 {
		return
	}
	for _, c := range []struct {
		ns   int64
		want int
	}{{p99(), 0}, {p99() - 1, 1}} {
		bound := fmt.Sprintf("%dns", c.ns)
		_, x := verdict("check", capture, "--max-p99", bound)
		_, y := verdict("compare", capture, capture, "--max-p99", bound)
		if x != c.want || y != c.want {
			t.Errorf("--max-p99 %s: check %d, compare %d, want %d", bound, x, y, c.want)
		}
	}
}

// gapSum is what report.json says of off-CPU gaps.
type gapSum struct {
	Count int64
	Sum   int64 `json:"sum_ns"`
	Max   int64 `json:"max_ns"`
}

// gapsAgree holds the recorded gaps of the closed loop against those of the replay.
func gapsAgree(t *testing.T, whatif []byte, pid int, want gapSum) {
	t.Helper()
	var w struct {
		Scenarios []struct {
			Tasks []struct {
				PID    int
				OffCPU struct{ Count, Sum, Max int64 } `json:"offcpu_ns"`
			}
		}
	}
	// Of the others every figure is an object: the first is the recording.
	var all struct{ Scenarios []json.RawMessage }
	decode(t, whatif, &all)
	decode(t, slices.Concat([]byte(`{"scenarios":[`), all.Scenarios[0], []byte(`]}`)), &w)
	for _, x := range w.Scenarios[0].Tasks {
		if x.PID == pid {
			if got := (gapSum{x.OffCPU.Count, x.OffCPU.Sum, x.OffCPU.Max}); got != want {
				t.Errorf("whatif has gaps %+v, the report %+v", got, want)
			}
			return
		}
	}
	t.Errorf("whatif does not know the owner %d", pid)
}
