package replay_test

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/parser"
	"schedreplay/parser/open"
	"schedreplay/replay"
)

// recordedNoise is a recording of a machine of two CPUs (Linux 6.18, HZ=250) with all events
// of noise; the task python3 is pinned to CPU 1.
const recordedNoise = "testdata/noise-6.18.txt.gz"

var noiseLine = regexp.MustCompile(`\[001\] \S+ +(\d+)\.(\d{6}): (\w+): (.*)`)

// bracketed sums up, from the text alone, what the pairs of events of CPU 1 bracket: the time
// of each name in us, less that of pairs within it, and how many pairs there are. Pairs of
// timers within an interrupt are parts of it.
func bracketed(t *testing.T) (us, count map[string]int64) {
	t.Helper()
	f, err := os.Open(recordedNoise)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	us, count = map[string]int64{}, map[string]int64{}
	var open []string
	last := int64(0)
	for lines := bufio.NewScanner(z); lines.Scan(); {
		m := noiseLine.FindStringSubmatch(lines.Text())
		if m == nil {
			continue
		}
		now, _ := strconv.ParseInt(m[1]+m[2], 10, 64)
		if n := len(open); n > 0 {
			us[open[n-1]] += now - last
		}
		last = now
		name, begins := strings.CutSuffix(m[3], "_entry")
		name, ends := strings.CutSuffix(name, "_exit")
		switch {
		case strings.Contains(name, "_expire") || !begins && !ends:
		case begins:
			if name == "softirq" {
				name = m[4][strings.Index(m[4], "=")+1:]
			}
			open = append(open, name)
			count[name]++
		case len(open) > 0:
			open = open[:len(open)-1]
		}
	}
	return us, count
}

// The noise of a real recording is what its text says, and with the owner's own time and
// idleness it is all the time there was.
func TestRecordedNoise(t *testing.T) {
	c, err := open.File(t.Context(), recordedNoise, open.Options{Temp: parser.Temp{Dir: t.TempDir()}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	all := cpumask.Range(0, 1)
	h := &parser.Host{Possible: fact.Seen(all, ""), Online: fact.Seen(all, ""), Isolated: fact.Seen(cpumask.Of(1), ""), Release: fact.Seen("6.18.44", "")}
	for cpu := range 2 {
		one := cpumask.Of(cpu)
		h.CPU = append(h.CPU, parser.CPUInfo{Known: true, Siblings: one, Cluster: one, LLC: all, Package: all, Die: all, LLCLevel: 3, CoreID: cpu})
	}
	res, err := replay.Run(t.Context(), c, h, replay.Plan{Owner: "python3", Observer: replay.Observer{Why: true}})
	if err != nil {
		t.Fatal(err)
	}
	k := res.CPUs[0]
	if k.Owner == nil || k.Noise.Unpaired != 0 {
		t.Fatalf("owner %v, %d unpaired", k.Owner, k.Noise.Unpaired)
	}
	us, count := map[string]int64{}, map[string]int64{}
	sum, ticks := int64(0), int64(0)
	for _, n := range k.Noise.Items {
		sum += n.NS
		switch n.Kind {
		case replay.NoiseTask, replay.NoiseKthread:
			continue
		case replay.NoiseTick:
			ticks += n.Count
		}
		name := n.Name
		if n.Kind == replay.NoiseSoftirq {
			for vec := range int64(10) {
				if parser.SoftirqName(vec) == n.Name {
					name = fmt.Sprintf("%d [action=%s]", vec, n.Name)
				}
			}
		}
		us[name] += n.NS / 1000
		count[name] += n.Count
	}
	wantUS, wantCount := bracketed(t)
	for name := range wantCount {
		if us[name] != wantUS[name] || count[name] != wantCount[name] {
			t.Errorf("%s: %d in %d us, the text says %d in %d us", name, count[name], us[name], wantCount[name], wantUS[name])
		}
		delete(us, name)
	}
	if len(us) > 0 || len(wantCount) < 4 {
		t.Errorf("%v are not in the text, which has %v", us, wantCount)
	}
	window := res.End - res.Start
	sum += k.Time[replay.ClassOwner] - k.Noise.InOwner + k.Time[replay.ClassIdle] - k.Noise.InIdle + k.Time[replay.ClassUnknown]
	if sum != window {
		t.Errorf("noise, owner, idleness and what is not known are %d ns of %d", sum, window)
	}
	if hz := float64(ticks) / (float64(window) / 1e9); math.Abs(hz-250) > 15 {
		t.Errorf("%d ticks in %d ns: %.0f a second", ticks, window, hz)
	}
}
