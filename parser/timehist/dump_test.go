package timehist

import (
	"fmt"
	"os"
	"testing"

	"schedreplay/parser"
	"schedreplay/parser/text/goldentest"
)

func TestDumpFile(t *testing.T) {
	b, err := os.ReadFile(os.Getenv("DUMP"))
	if err != nil {
		t.Skip()
	}
	if os.Getenv("V") != "" {
		fmt.Print(goldentest.Print(New, goldentest.Source("x", b)))
		return
	}
	c, err := New(goldentest.Source("x", b))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("%+v\n", *c.Meta())
	n := map[parser.Kind]int{}
	for ev, err := range c.Events() {
		if err != nil {
			fmt.Println("ERR", err)
		}
		n[ev.Kind]++
		if ev.Kind == parser.KindDamaged && n[ev.Kind] < 4 {
			fmt.Println(goldentest.Line(&ev))
		}
	}
	fmt.Println(n, c.(*capture).Stats().Skipped)
}
