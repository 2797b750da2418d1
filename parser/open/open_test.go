package open

import (
	"fmt"
	"os"
	"testing"

	"schedreplay/parser"
)

func TestDumpFile(t *testing.T) {
	path := os.Getenv("DUMP")
	if path == "" {
		t.Skip()
	}
	in, err := File(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	fmt.Printf("%+v\n%s %s %s\n", *in.Meta(), in.Path, in.Bundle, in.Beside)
	n := map[parser.Kind]int{}
	for ev, err := range in.Events() {
		if err != nil {
			fmt.Println("ERR", err)
			break
		}
		n[ev.Kind]++
		if ev.Kind == parser.KindHole {
			fmt.Printf("%+v\n", ev)
		}
	}
	fmt.Println(n)
}
