package tep

// Comms holds the names of tasks by pid. The zero Comms is empty and ready to
// use.
type Comms struct {
	low  []string // by pid, of those below lowPIDs
	high map[int32]string
}

const lowPIDs = 1 << 17

// Get returns a task's name, "" if it is not known.
func (c *Comms) Get(pid int32) string {
	if uint(pid) < uint(len(c.low)) {
		return c.low[pid]
	}
	if uint(pid) < lowPIDs {
		return ""
	}
	return c.high[pid]
}

// Set names a task.
func (c *Comms) Set(pid int32, comm string) {
	if uint(pid) >= lowPIDs {
		if c.high == nil {
			c.high = make(map[int32]string)
		}
		c.high[pid] = comm
		return
	}
	if n := int(pid) + 1 - len(c.low); n > 0 {
		c.low = append(c.low, make([]string, n)...)
	}
	c.low[pid] = comm
}
