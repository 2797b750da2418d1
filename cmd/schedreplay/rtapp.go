package main

import (
	"fmt"

	"schedreplay/export/outdir"
	"schedreplay/export/rtapp"
	"schedreplay/loop/work"
)

// toRTApp writes the work of the capture as a load for rt-app. It takes no replay.
func (a *app) toRTApp(in *input, out, sum string) error {
	p, err := work.Extract(in, in.host)
	if err != nil {
		return unfit(in, err)
	}
	var left rtapp.Left
	err = outdir.IntoFile(out, in.files(), func(f *outdir.File) (err error) {
		left, err = rtapp.Write(f, p, rtapp.Options{Program: "schedreplay " + version, Checksum: sum})
		return outdir.Wrap(out, err)
	})
	if err != nil {
		return err
	}
	a.holds(out, "a load for rt-app")
	if left.Wakes > 0 {
		a.note(fmt.Sprintf("%d wakings of tasks that did not wait are not in the load", left.Wakes))
	}
	return nil
}
