package replay

import (
	"schedreplay/replay/account"
	"schedreplay/replay/decide"
	"schedreplay/replay/noise"
)

// Observer receives what a replay finds while it goes, in order of time. Nil
// functions are skipped. What a callback is given is valid during the call
// only; copy what you keep.
type Observer struct {
	// Begin is called once, before anything else but Progress, with what is known
	// by then: the kernels compared and how they were chosen, the window, the host and the
	// counts of what was lost. What the replay itself finds is still empty.
	Begin func(*Result)
	// Wakeup gets every placement, in order of N.
	Wakeup func(*decide.Wakeup)
	// Run gets every slice on a CPU of Result.Focus, owner and idle included, in
	// order of End.
	Run func(*account.Slice)
	// Near gets the slices on the CPUs that share an LLC with one of Result.Focus and are
	// none of it, idle ones too, in order of End. Of their class only idle is told.
	Near func(*account.Slice)
	// Interrupted gets every interrupt and softirq that ran on a CPU of Result.Focus, where
	// they are recorded, in order of End; of Spans what lies in the window.
	Interrupted func(cpu int, in *noise.Interruption)
	// Stay gets every stay when it ends or the capture does.
	Stay func(*account.Stay)
	// Why asks for more than what happened: how tasks were woken (Slice.Woken, and the
	// causes of Noise), and how long CPUs were idle while others waited (Result.Spare).
	Why bool
	// Progress is told now and then how many events were replayed; pass counts
	// from 1 to passes.
	Progress func(pass, passes int, events int64)
}
