package table

// The tables. docs/formats-out.md says what each column means.
var (
	Slices = Schema{"slices", columns(`
		cpu:i pid:i comm:n prio:i start_ns:i end_ns:i run_ns:i wait_ns:i delay_ns:i state:w cut_start:b cut_end:b`)}

	Wakeups = Schema{"wakeups", columns(`
		n:i time_ns:i kind:w pid:i comm:n prio:i
		waker_context:w waker_pid:i waker_comm:n waker_cpu:i prev_cpu:i recorded_cpu:i recorded_from:w selection:b
		original_cpu:i original_possible:w original_path:w original_reason:w original_certain:b original_prev_cpu:i original_from:w
		patched_cpu:i patched_possible:w patched_path:w patched_reason:w patched_certain:b patched_prev_cpu:i patched_from:w
		moved:w model_miss:b isolated:b diverged_since:i`)}

	Intrusions = Schema{"intrusions", columns(`
		cpu:i stay:i pid:i comm:n prio:i class:w start_ns:i end_ns:i run_ns:i cut_start:b cut_end:b delay_ns:i patched:w`)}

	Stays = Schema{"stays", columns(`
		cpu:i pid:i comm:n prio:i class:w how:w from_cpu:i arrived_ns:i left_ns:i entry_n:i entry_path:w
		wakings:i selections:i stayed_put:i runs:i cut_runs:i run_ns:i
		patched_certain:i patched_possible:i patched_run_ns:i patched_run_max_ns:i delayed_owner:i delayed_owner_ns:i`)}

	// All holds them in the order in which they are written.
	All = []*Schema{&Slices, &Wakeups, &Intrusions, &Stays}
)
