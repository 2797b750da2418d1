package ftrace

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"testing"

	"schedreplay/parser"
)

func source(name string, b []byte) parser.Source {
	return parser.Source{Name: name, Size: int64(len(b)), Open: func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(b)), nil
	}}
}

func TestDumpFile(t *testing.T) {
	b, err := os.ReadFile(os.Getenv("DUMP"))
	if err != nil {
		t.Skip()
	}
	c, err := New(source("x", b))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("%+v\n", *c.Meta())
	n := map[parser.Kind]int{}
	other := map[string]int{}
	for ev, err := range c.Events() {
		if err != nil {
			fmt.Println("ERR", err)
			break
		}
		n[ev.Kind]++
		if ev.Kind == parser.KindDamaged || ev.Kind == parser.KindLost || ev.Kind == parser.KindOverwritten {
			fmt.Printf("%+v\n", ev)
		}
		if ev.Kind == parser.KindOther {
			other[ev.Text]++
		}
		if os.Getenv("V") != "" {
			fmt.Printf("%+v\n", ev)
		}
	}
	fmt.Println(n, other)
}
