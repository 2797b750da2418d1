package anonymize_test

import (
	"context"
	"fmt"
	"os"

	"schedreplay/export/anonymize"
	"schedreplay/parser/host"
	"schedreplay/parser/open"
)

// Copy a capture without the names in it.
func ExampleCapture() {
	in, err := open.File(context.Background(), "../../testdata/traces/smt8-isolated3-original", open.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer in.Close()
	h, err := host.Read(context.Background(), in.Bundle)
	if err != nil {
		fmt.Println(err)
		return
	}
	out, err := os.CreateTemp("", "copy")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.Remove(out.Name())
	defer out.Close()

	names := anonymize.NewNames(h)
	report, err := anonymize.Capture(in.Source(), in.Capture, names, anonymize.All, out)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.Records, "records; ksmd becomes", names.Comm("ksmd"), "and pmd-c becomes", names.Comm("pmd-c"))
	// Output: 20697 records; ksmd becomes ksmd and pmd-c becomes tbbbb
}
