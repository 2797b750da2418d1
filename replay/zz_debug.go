package replay

var DebugHook func(t int64, pid int32, llcOf func(int) int, best, lo, hi func(llc int) int64, idle func(c int) bool)

var DebugFlips func(t int64, pid int32, cur, wakee [3]int64)
