package perfdata

import (
	"maps"
	"testing"

	"schedreplay/internal/eventtest"
	"schedreplay/parser"
)

// Samples tell the control group of their thread, and records of their own its path. The root
// is no group, and what stands behind fields of unknown size is not read.
func TestCgroups(t *testing.T) {
	const pod = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod8f3c21aa_1111_2222_3333_444444444444.slice/cri-containerd-4be07d11aa901111222233334444555566667777888899990000aaaabbbbcccc.scope"
	for name, o := range eventtest.Orders {
		for _, c := range []struct {
			name string
			bits uint64
			want map[int32]string
		}{
			{"with groups", sampleCgroup, map[int32]string{7: pod, 9: "/system.slice/nine.service"}},
			{"behind branches", sampleCgroup | 1<<11, nil},
			{"without", 0, nil},
		} {
			w := newWriter(o)
			w.sampleType |= c.bits
			group := func(id uint64, path string) []byte {
				return w.record(recCgroup, 0, append(w.Cat(id, path, make([]byte, 8-len(path)%8)), w.trailer(idSwitch, 0, 0, 0)...))
			}
			w.add(group(107, pod), group(109, "/system.slice/nine.service"), group(110, "/"), group(111, "none"), w.record(recCgroup, 0, nil))
			w.story()
			h, err := New(eventtest.Source("cgroups", w.file()))
			if err != nil {
				t.Fatal(err)
			}
			defer h.Close()
			host := h.Meta().Host
			if !maps.Equal(host.Cgroups.Of, c.want) {
				t.Errorf("%s, %s: %v", name, c.name, host.Cgroups.Of)
			}
			if c.want == nil {
				continue
			}
			// What the capture tells is of its time; a bundle is of a later one.
			host.Task = map[int32]parser.TaskInfo{7: {PID: 7, Comm: "seven"}}
			if a, b := host.CgroupOf(7, "seven"), host.CgroupOf(9, "nine"); a != "pod 8f3c21aa/4be07d11aa90" || b != "nine.service" && b != "nine" {
				t.Errorf("%q, %q", a, b)
			}
		}
	}
}
