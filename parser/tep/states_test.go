package tep

import (
	"testing"

	"schedreplay/parser"
)

// The print formats of sched_switch of four generations of kernels.
var statePrints = map[string]string{
	"3.10": `"prev_state=%s%s", REC->prev_state & (1024-1) ? __print_flags(REC->prev_state & (1024-1), "|", { 1, "S"} , { 2, "D" }, { 4, "T" }, { 8, "t" }, { 16, "Z" }, { 32, "X" }, { 64, "x" }, { 128, "K" }, { 256, "W" }, { 512, "P" }) : "R", REC->prev_state & 1024 ? "+" : ""`,
	"4.9":  `"prev_state=%s%s", REC->prev_state & (2048-1) ? __print_flags(REC->prev_state & (2048-1), "|", { 1, "S"} , { 2, "D" }, { 4, "T" }, { 8, "t" }, { 16, "X" }, { 32, "Z" }, { 64, "x" }, { 128, "K" }, { 256, "W" }, { 512, "P" }, { 1024, "N" }) : "R", REC->prev_state & 2048 ? "+" : ""`,
	"4.19": `"prev_state=%s%s", (REC->prev_state & ((((0x0000 | 0x0001 | 0x0002 | 0x0004 | 0x0008 | 0x0010 | 0x0020 | 0x0040) + 1) << 1) - 1)) ? __print_flags(REC->prev_state & ((((0x0000 | 0x0001 | 0x0002 | 0x0004 | 0x0008 | 0x0010 | 0x0020 | 0x0040) + 1) << 1) - 1), "|", { 0x0001, "S" }, { 0x0002, "D" }, { 0x0004, "T" }, { 0x0008, "t" }, { 0x0010, "X" }, { 0x0020, "Z" }, { 0x0040, "P" }, { 0x0080, "I" }) : "R", REC->prev_state & (((0x0000 | 0x0001 | 0x0002 | 0x0004 | 0x0008 | 0x0010 | 0x0020 | 0x0040) + 1) << 1) ? "+" : ""`,
	"2.6":  `"prev_state=%s", REC->prev_state ? __print_flags(REC->prev_state, "|", { 1, "S"} , { 2, "D" }) : "R"`,
	"none": `"prev_state=%ld", REC->prev_state`,
}

func TestStates(t *testing.T) {
	const (
		r, s, d, plus = parser.StateRunning, parser.StateSleeping, parser.StateBlocked, parser.StatePreempted
		dead, zombie  = parser.StateDead, parser.StateZombie
	)
	for _, c := range []struct {
		kernel string
		value  int64
		want   parser.State
		text   string
	}{
		{"4.19", 0, r, "R"},
		{"4.19", 0x100, r | plus, "R+"},
		{"4.19", 1, s, "S"},
		{"4.19", 2, d, "D"},
		{"4.19", 4, parser.StateStopped, "T"},
		{"4.19", 8, parser.StateTraced, "t"},
		{"4.19", 0x10, dead, "X"},
		{"4.19", 0x20, zombie, "Z"},
		{"4.19", 0x40, parser.StateParked, "P"},
		{"4.19", 0x80, parser.StateIdle, "I"},
		{"4.19", 0x101, s | plus, "S+"},
		{"4.19", 0x200, r, "R"}, // a bit the kernel masks off
		{"4.9", 0x10, dead, "X"},
		{"4.9", 0x20, zombie, "Z"},
		{"4.9", 0x40, dead, "X"},
		{"4.9", 0x82, d, "D"},                   // D|K: killable
		{"4.9", 0x402, parser.StateIdle, "I"},   // D|N
		{"4.9", 0x100, parser.StateOff, "?"},    // W alone
		{"4.9", 0x200, parser.StateParked, "P"}, // other bits than today
		{"4.9", 0x800, r | plus, "R+"},
		{"4.9", 0x801, s | plus, "S+"},
		{"3.10", 0x10, zombie, "Z"},
		{"3.10", 0x20, dead, "X"},
		{"3.10", 0x400, r | plus, "R+"},
		{"2.6", 0, r, "R"},
		{"2.6", 1, s, "S"},
		{"2.6", 4, parser.StateOff, "?"},
		{"none", 0, r, "R"},
		{"none", 1, 0, "?"},
	} {
		table := newStateTable(statePrints[c.kernel])
		if got := table.state(c.value); got != c.want || got.String() != c.text {
			t.Errorf("Linux %s, %#x: %#x %s, want %#x %s", c.kernel, c.value, uint16(got), got, uint16(c.want), c.text)
		}
	}
}

func TestParseFlagsErrors(t *testing.T) {
	for _, print := range []string{
		"", `__print_flags(`, `__print_flags(REC->prev_state`, `__print_flags(REC->prev_state, "|"`, `__print_flags(REC->prev_state, "|", {`,
		`__print_flags(REC->prev_state & TASK_MAX, "|", { 1, "S" })`, `__print_flags(REC->prev_state, "|", { 1, "S" }`, `__print_flags(REC->prev_state_x, "|", { 1, "S" })`,
		`__print_flags(REC->prev_state & ((((((`, `__print_flags(REC->prev_state, "|", { 1 "S" })`, `__print_flags(REC->prev_state, "|", { 99999999999999999999, "S" })`,
	} {
		if _, flags, err := ParseFlags(print, "prev_state"); err == nil {
			t.Errorf("%s: %v", print, flags)
		}
	}
}
