package text

import "schedreplay/parser"

// KernelState reads the letters of prev_state as the kernel prints them
// (include/trace/events/sched.h, __print_flags of sched_switch): one letter from
// 4.14 on, letters joined by "|" before, with a "+" for a preempted task. It
// also reads the number that the "fields" option and raw output print.
//
// Letters are taken as 4.14 and later mean them. Those that only older kernels
// print (x, K, W, N, n, and any of them beside D) keep what is certain of
// them.
func KernelState(b []byte) parser.State {
	if len(b) == 0 {
		return 0
	}
	if b[0]-'0' <= 9 {
		return numericState(b)
	}
	var s parser.State
	if b[len(b)-1] == '+' {
		s = parser.StatePreempted
		b = b[:len(b)-1]
	}
	var old, noload bool
	for i := 0; i < len(b); i += 2 {
		if i+1 < len(b) && b[i+1] != '|' {
			return 0
		}
		switch l := stateLetters[b[i]]; {
		case l != 0:
			s |= l
		case b[i] == 'K' || b[i] == 'W' || b[i] == 'n':
			old = true // TASK_WAKEKILL, TASK_WAKING, TASK_NEW qualify another letter
		case b[i] == 'N':
			noload = true // TASK_NOLOAD: D|N is TASK_IDLE
		default:
			return 0
		}
	}
	if noload && s == parser.StateBlocked {
		return parser.StateIdle
	}
	if s == 0 && (old || noload) {
		return parser.StateOff
	}
	return s
}

// stateLetters holds the letters that stand for one state; x is TASK_DEAD.
var stateLetters = [256]parser.State{
	'R': parser.StateRunning, 'S': parser.StateSleeping, 'D': parser.StateBlocked, 'T': parser.StateStopped, 't': parser.StateTraced,
	'X': parser.StateDead, 'x': parser.StateDead, 'Z': parser.StateZombie, 'P': parser.StateParked, 'I': parser.StateIdle,
}

// numericState reads prev_state as a number.
func numericState(b []byte) parser.State {
	n, rest, ok := Int(b)
	if !ok || len(rest) > 0 || n < 0 {
		return 0
	}
	return StateNumber(n)
}

// StateNumber converts prev_state as any kernel prints it as a number. From 4.14 on it
// has one bit ([StateBits]). Before, it was the task's state, of which several bits may
// be set, or TASK_STATE_MAX for a preempted task: 1024 from 3.9, 2048 from 4.2, 4096
// from 4.8 on.
func StateNumber(n int64) parser.State {
	const uninterruptible, noload = 2, 1024
	switch {
	case n == 1024, n == 2048, n == 4096:
		return parser.StateRunning | parser.StatePreempted
	case n&(n-1) == 0:
		return StateBits(n)
	case n == uninterruptible|noload: // TASK_IDLE of 4.2 to 4.13
		return parser.StateIdle
	}
	// TASK_WAKEKILL and others qualify one of the first four; the rest are exits.
	if s := parser.State(n & 0xf); s != 0 {
		return s
	}
	return parser.StateOff
}

// StateBits converts the prev_state field of sched_switch, as kernels from
// 4.14 on record it (__trace_sched_switch_state): 0 is running, bit 8 is set
// for a preempted task.
func StateBits(n int64) parser.State {
	s := parser.State(n & 0x1ff)
	if s&0xff == 0 {
		s |= parser.StateRunning
	}
	if n&^0x1ff != 0 && s == parser.StateRunning {
		return 0 // only bits that 4.14 and later do not have
	}
	return s
}

// LyingState reads the letter of a tool that indexes an old letter table with
// the kernel's new bits: libtraceevent before 1.8 ("SDTtZXxW") and perf before
// 6.2 ("RSDTtZXxKWP"); or of a newer one that does not. Letters on which the two
// disagree give what both agree on.
//
// preemptedAsW says that a W stands for bit 8, preempted (perf), not for bit 7,
// idle (libtraceevent).
func LyingState(b []byte, preemptedAsW bool) parser.State {
	var s parser.State
	for i := 0; i < len(b); i += 2 {
		if i+1 < len(b) && b[i+1] != '|' {
			if i+2 == len(b) && b[i+1] == '+' {
				return s | lyingLetter(b[i], preemptedAsW) | parser.StatePreempted
			}
			return 0
		}
		one := lyingLetter(b[i], preemptedAsW)
		if one == 0 {
			return 0
		}
		s |= one
	}
	return s
}

func lyingLetter(c byte, preemptedAsW bool) parser.State {
	switch c {
	case 'R':
		return parser.StateRunning
	case 'S':
		return parser.StateSleeping
	case 'D':
		return parser.StateBlocked
	case 'T':
		return parser.StateStopped
	case 't':
		return parser.StateTraced
	case 'X', 'Z': // dead and zombie, or the reverse
		return parser.StateOff
	case 'x', 'P':
		return parser.StateParked
	case 'K', 'I':
		return parser.StateIdle
	case 'W':
		if preemptedAsW {
			return parser.StateRunning | parser.StatePreempted
		}
		return parser.StateIdle
	}
	return 0
}
