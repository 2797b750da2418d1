package kernelmodel

var DebugKinds = map[fkind]int{}

func (x *Explorer) Debug() {
	for _, c := range x.choices {
		DebugKinds[fkind(c.key>>24)]++
	}
}
