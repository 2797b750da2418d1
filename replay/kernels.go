package replay

import (
	"context"

	"schedreplay/cpumask"
	"schedreplay/kernelmodel"
)

func (r *replayer) choose(context.Context) error {
	k, err := kernelmodel.ParseKernel(r.opt.Original, r.host.Version.Value)
	if err != nil {
		return err
	}
	p, err := kernelmodel.ParseKernel(r.opt.Patched, r.host.Version.Value)
	if err != nil {
		return err
	}
	r.kOriginal, r.kPatched = k, p
	if len(r.host.CPU) > 0 {
		n := len(r.host.CPU)
		smt, llc, node := make([]cpumask.Mask, n), make([]cpumask.Mask, n), make([]cpumask.Mask, n)
		for c := range n {
			smt[c], llc[c] = r.host.CPU[c].Siblings, r.host.CPU[c].LLC
			for _, nd := range r.host.Node {
				if nd.CPUs.Test(c) {
					node[c] = nd.CPUs
				}
			}
		}
		r.m = kernelmodel.TmpMachine(smt, llc, node, r.host.Isolated.Value)
	}
	return nil
}
