package junit_test

import (
	"encoding/xml"
	"os"
	"path/filepath"
	"testing"

	"schedreplay/export/junit"
)

// FuzzSuite writes any words: another reader finds them, or what stands for them in XML.
func FuzzSuite(f *testing.F) {
	f.Add("name", "<case a=\"b\">", "]]>&\x1b\xff")
	path := filepath.Join(f.TempDir(), "junit.xml")
	f.Fuzz(func(t *testing.T, name, message, out string) {
		s := junit.Suite{Name: name, Tests: 1, Failures: 1, Cases: []junit.Case{{Class: name, Name: message, Failure: &junit.Failure{Message: message, Type: name}, Out: out}}}
		if err := s.Write(path, nil); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var got junit.Suite
		if err := xml.Unmarshal(b, &got); err != nil {
			t.Fatalf("%v: %q", err, b)
		}
		if len(got.Cases) != 1 || got.Cases[0].Failure == nil || got.Cases[0].Failure.Message != got.Cases[0].Name || got.Name != got.Cases[0].Class {
			t.Errorf("read %+v", got)
		}
	})
}
