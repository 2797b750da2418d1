// Package junit writes the part of JUnit's XML that CI systems read.
package junit

import (
	"encoding/xml"

	"schedreplay/export/outdir"
)

// Suite is the outcome of some checks.
type Suite struct {
	XMLName  xml.Name `xml:"testsuite"`
	Name     string   `xml:"name,attr"`
	Tests    int      `xml:"tests,attr"`
	Failures int      `xml:"failures,attr"`
	Errors   int      `xml:"errors,attr"`
	Cases    []Case   `xml:"testcase"`
}

// Case is one of them.
type Case struct {
	Class   string   `xml:"classname,attr"`
	Name    string   `xml:"name,attr"`
	Failure *Failure `xml:"failure,omitempty"`
	Out     string   `xml:"system-out,omitempty"`
}

// Failure is why a check did not hold.
type Failure struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
}

// Write writes the file whole or not at all.
func (s *Suite) Write(name string, inputs outdir.Inputs) error {
	b, err := xml.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return outdir.WriteFile(name, append(append([]byte(xml.Header), b...), '\n'), inputs)
}
