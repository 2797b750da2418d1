package stats

import (
	"cmp"
	"math"
	"slices"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// NumBlocks is the number of stretches that a window is cut into, Draws that of the
// bootstrap's draws.
const (
	NumBlocks = 60
	Draws     = 500
)

// maxBlockNS bounds what a block resolves, ten minutes; longer delays count as this one.
const maxBlockNS = 600_000_000_000

// Blocks are the delays and an amount of each stretch of a window, for a block bootstrap:
// what comes in bursts is not taken for many independent values. The zero value is empty.
type Blocks struct {
	delays [NumBlocks]*hdrhistogram.Histogram
	amount [NumBlocks]int64
}

// Block is the stretch of [start, end] that a time falls into, the nearest one if it lies
// outside.
func Block(t, start, end int64) int {
	span := float64(end) - float64(start)
	if span <= 0 {
		return 0
	}
	return max(0, min(NumBlocks-1, int(NumBlocks*(float64(t)-float64(start))/span)))
}

// AddDelay counts a delay of ns in a block, to two digits.
func (b *Blocks) AddDelay(block int, ns int64) {
	if b.delays[block] == nil {
		b.delays[block] = hdrhistogram.New(1, maxBlockNS, 2)
	}
	_ = b.delays[block].RecordValue(min(max(ns, 1), maxBlockNS)) // in range by construction
}

// AddAmount adds to a block's amount.
func (b *Blocks) AddAmount(block int, n int64) { b.amount[block] += n }

// Bootstrap draws as many blocks as there are, with replacement, over and over: it returns
// by share (0 to 1, any order) the delays that so many do not exceed, draw by draw, and
// the drawn amounts. Its random numbers have a fixed seed.
func (b *Blocks) Bootstrap(shares []float64) (quantiles [][]float64, amounts []float64) {
	values, counts := b.columns()
	order := make([]int, len(shares))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(shares[a], shares[b]) })
	quantiles = make([][]float64, len(shares))
	rnd := splitmix(0x5eed)
	sum := make([]int64, len(values))
	for range Draws {
		clear(sum)
		var n, amount int64
		for range NumBlocks {
			k := rnd.next() % NumBlocks
			amount += b.amount[k]
			for i, c := range counts[k] {
				sum[i] += c
				n += c
			}
		}
		amounts = append(amounts, float64(amount))
		if n == 0 {
			continue
		}
		at, below := 0, sum[0]
		for _, i := range order {
			want := max(1, int64(math.Ceil(shares[i]*float64(n)-1e-9)))
			for below < want && at+1 < len(sum) {
				at++
				below += sum[at]
			}
			quantiles[i] = append(quantiles[i], values[at])
		}
	}
	return quantiles, amounts
}

// columns returns the delays that occur, ascending, and how often each does by block; nil
// where a block has none.
func (b *Blocks) columns() (values []float64, counts [NumBlocks][]int64) {
	index := map[int64]int{}
	var list []int64
	for _, h := range b.delays {
		if h == nil {
			continue
		}
		for _, bar := range h.Distribution() {
			if _, ok := index[bar.To]; !ok && bar.Count > 0 {
				index[bar.To] = 0
				list = append(list, bar.To)
			}
		}
	}
	slices.Sort(list)
	for i, v := range list {
		index[v] = i
		values = append(values, float64(v))
	}
	for k, h := range b.delays {
		if h == nil {
			continue
		}
		counts[k] = make([]int64, len(list))
		for _, bar := range h.Distribution() {
			if bar.Count > 0 {
				counts[k][index[bar.To]] = bar.Count
			}
		}
	}
	return values, counts
}

// splitmix is a generator of random numbers that no library changes under us.
type splitmix uint64

func (r *splitmix) next() uint64 {
	*r += 0x9e3779b97f4a7c15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
