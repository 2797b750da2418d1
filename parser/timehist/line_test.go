package timehist

import (
	"strings"
	"testing"

	"schedreplay/internal/goldentest"
	"schedreplay/parser"
)

const (
	header = "           time    cpu  task name                       wait time  sch delay   run time\n" +
		"                        [tid/pid]                          (msec)     (msec)     (msec)\n" +
		"--------------- ------  ------------------------------  ---------  ---------  ---------\n"
	withState = "           time    cpu  task name                       wait time  sch delay   run time  state\n"
	// perf 6.12 --show-prio, and -P of later ones.
	withPrio   = "           time    cpu  task name                       prio      wait time  sch delay   run time\n"
	withPreMig = "           time    cpu  task name                       wait time  sch delay   run time  pre-mig time\n"
	eightCPUs  = "           time    cpu  012345678  task name                       wait time  sch delay   run time\n"
)

// Lines of perfs that are not at hand, by their print formats.
func TestLines(t *testing.T) {
	const slice = `slice cpu=0 start=410308817000 time=410309088000 `
	const numbers = ` runtime=271000 wait=0 delay=40000`
	tests := []struct{ name, header, line, want string }{
		{"plain", header, "     410.309088 [0000]  perf-exec[4043]                     0.000      0.040      0.271 ", slice + `task="perf-exec":4043` + numbers},
		{"thread", header, "     410.309088 [0000]  x:y/z[7][7287/7275]                 0.000      0.040      0.271 ", slice + `task="x:y/z[7]":7287` + numbers},
		{"leading blanks", header, "     410.309088 [0000]    lead[7292/7275]                   0.000      0.040      0.271 ", slice + `task="  lead":7292` + numbers},
		{"trailing blanks", header, "     410.309088 [0000]  trail  [7278/7275]                  0.000      0.040      0.271 ", slice + `task="trail  ":7278` + numbers},
		{"false idle", header, "     410.309088 [0000]  <idle>[7280/7275]                   0.000      0.040      0.271 ", slice + `task="<idle>":7280` + numbers},
		{"exited", header, "     410.309088 [0000]  :-1[-1/7275]                        0.000      0.040      0.271 ", strings.TrimSpace(slice) + numbers},
		{"name like numbers", header, "     410.309088 [0000]  1.000 2.000[72/7]                   0.000      0.040      0.271 ", slice + `task="1.000 2.000":72` + numbers},
		{"room ended", header, "     410.309088 [0000]  fifteen_chars_x[1234567/123456         0.000      0.040      0.271 ", slice + `task="fifteen_chars_x":1234567` + numbers},
		{"bracket lost before", header, "     410.309088 [0000]  short[12/3          0.000      0.040      0.271 ", `damaged text="the fields do not fit the event"`},
		{"grown column", header, "     410.309088 [0000]  a[1]                                                         0.000      0.040      0.271 ", slice + `task="a":1` + numbers},
		{"numbers out of their columns", header, "     410.309088 [0000]  a[1]     12345678.000      0.040      0.271 ", slice + `task="a":1 runtime=271000 wait=12345678000000 delay=40000`},
		{"callchain", header, "     410.309088 [0000]  a[1]                                0.000      0.040      0.271                                    schedule <- do_idle <- [unknown]", slice + `task="a":1` + numbers},
		{"priority", withPrio, "     410.309088 [0000]  a b[1]                          120           0.000      0.040      0.271 ", slice + `task="a b":1[120]` + numbers},
		{"priority changed", withPrio, "     410.309088 [0000]  a[1]                            120->49       0.000      0.040      0.271 ", slice + `task="a":1[49]` + numbers},
		{"pre-migration time", withPreMig, "     410.309088 [0000]  a[1]                                0.000      0.040      0.271      0.005 ", slice + `task="a":1` + numbers},
		{"preempted", withState, "     410.309088 [0000]  a[1]                                0.000      0.040      0.271      W  next: b[2]", slice + `task="a":1 state=R+ next="b":2` + numbers},
		{"idle kthread", withState, "     410.309088 [0000]  a[1]                                0.000      0.040      0.271      K ", slice + `task="a":1 state=I` + numbers},
		{"dead or zombie", withState, "     410.309088 [0000]  a[1]                                0.000      0.040      0.271      Z ", slice + `task="a":1 state=?(off)` + numbers},
		{"idle", withState, "     410.309088 [0000]  <idle>                              0.000      0.040      0.271      I ", slice + `task="":0 state=R` + numbers},
		{"next without room", header, "     410.309088 [0000]  a[1]                                0.000      0.040      0.271  next: fifteen_chars_x[1234567 ", slice + `task="a":1 next="fifteen_chars_x":1234567` + numbers},
		{"visual", eightCPUs, "     410.309088 [0000]  s          a[1]                                0.000      0.040      0.271 ", slice + `task="a":1` + numbers},
		{"visual migration", eightCPUs, "     410.309088 [0000]   m           a[1]                                                  migrated: b c[2] cpu 0 => 1", `sched_migrate_task cpu=0 time=410309088000 task="b c":2 cur="a":1 orig=0 target=1`},
		{"waker and wakee", header, "     410.309088 [0000]  swapper                                                          awakened: :68", `sched_waking cpu=0 time=410309088000 task="":68 cur="":0`},
		{"false wakee", header, "     410.309088 [0000]  awakened: b[1]                                                   awakened:  migrated: [2]", `sched_waking cpu=0 time=410309088000 task=" migrated: ":2 cur="awakened: b":1`},
		{"a name without ids", header, "     410.309088 [0000]  a[1]                                                             awakened: b", `sched_waking cpu=0 time=410309088000 task="b":-1 cur="a":1`},
		{"lost", header, "     717.328088 lost 2 events on cpu 1", `lost cpu=1 time=717328088000 count=2`},
		{"no such CPU", header, "     410.309088 [99999]  a[1]                               0.000      0.040      0.271 ", `damaged text="no time and CPU found in the line"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, err := New(goldentest.Source("x", []byte(test.header+test.line+"\n")))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for ev, err := range c.Events() {
				if err != nil {
					t.Fatal(err)
				}
				ev.Pos = 0
				got = append(got, strings.TrimPrefix(goldentest.Line(&ev), "0: "))
			}
			if len(got) != 1 || got[0] != test.want {
				t.Errorf("\n got %s\nwant %s", strings.Join(got, "\n"), test.want)
			}
		})
	}
}

// HasWakings tells -w, by its lines or by the blanks it leaves.
func TestHasWakings(t *testing.T) {
	slice := "     410.309088 [0000]  a[1]                                0.000      0.040      0.271 "
	for text, want := range map[string]bool{
		header + slice + "\n":                               false,
		header + slice + strings.Repeat(" ", 32) + "\n":     true,
		header + "     410.3 x\n" + slice + " next: b[2]\n": false,
		header + slice + "\n     410.309089 [0000]  a[1]" + strings.Repeat(" ", 60) + "awakened: b[2]\n": true,
	} {
		c, err := New(goldentest.Source("x", []byte(text)))
		if err != nil {
			t.Fatal(err)
		}
		if c.Meta().HasWakings != want || c.Meta().Dialect != parser.DialectTimehist {
			t.Errorf("%q: %v", text, c.Meta().HasWakings)
		}
	}
}

func TestCutInLastNumber(t *testing.T) {
	const slice = "     410.309088 [0000]  a[1]                                0.000      0.040      0.271"
	goldentest.Ends(t, header, []string{
		slice,
		slice + "  next: b[2]",
		"     410.309088 [0000]  a[1]                                                                     migrated: b[2] cpu 1 => 0",
		"     410.309088 [0000]  a[1]                                                                     awakened: b[2]",
	}, []string{
		"     410.309088 [0000]  a[1]                                                                     migrated: b[2] cpu 0 => 1",
		"     410.309088 [0000]  a[1]                                                                     awakened: :6",
	}, New)
	// The other lines have a column more.
	goldentest.Ends(t, withState, []string{slice + "  S"}, []string{slice}, New)
}
