package buildinfo

import (
	"runtime"
	"runtime/debug"
	"testing"
)

func TestVersion(t *testing.T) {
	for module, want := range map[string]string{
		"v1.2.3": "1.2.3", "v1.2.3-rc.1": "1.2.3-rc.1", "(devel)": next, "": next,
		"v0.0.0-20261126202942-dbea1bb44711": next, "v1.2.4-0.20261126202942-dbea1bb44711": next, "v1.2.3+dirty": next,
	} {
		if got := version(&debug.BuildInfo{Main: debug.Module{Version: module}}); got != want {
			t.Errorf("%q: %s, want %s", module, got, want)
		}
	}
	if version(nil) != next {
		t.Error("no build information")
	}
}

func TestDetails(t *testing.T) {
	head := "schedreplay 1.2.3\n" + runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH
	info := debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}}
	if got := details(&info); got != head+"\n" {
		t.Errorf("%q", got)
	}
	info.Settings = []debug.BuildSetting{{Key: "vcs.revision", Value: "dbea1bb447114f31a0af776d5925e316662f710a"}, {Key: "vcs.time", Value: "2026-11-26T20:29:42Z"}, {Key: "vcs.modified", Value: "true"}}
	if got, want := details(&info), head+", revision dbea1bb44711 of 2026-11-26T20:29:42Z, modified\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
