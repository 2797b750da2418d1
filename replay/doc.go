// Package replay turns the events of a capture and the description of its host into what
// happened and what would have happened: each recorded wakeup placed by the model under every
// kernel of a [Plan], the stays of foreign tasks on isolated CPUs, and how well the model
// explains the recording.
//
// [Run] does all of it. The baseline of a plan is the kernel that made the recording: it is
// scored, learned from and corrected to the recording. Each alternative runs free, in a world
// of its own. A plan that names nothing compares the recorded release with the same that has
// smt-span, or where it has that, with the same without.
//
// A capture is read in passes with bounded memory, each with a state of its own: a survey
// (which events, which tasks, how the machine stood at the start), where it is worth it a
// trial (does the recording contradict its kernel?) and a rehearsal (what decisions show of
// hidden facts, for those before them), then the replay. What grows with the number of events
// goes to an [Observer].
//
// The rooms below import downwards only:
//
//	timeline   what was recorded: the survey, every CPU and its queue
//	ahead      the look-ahead: the events, each waking with what became of it
//	hidden     facts in no event: scan budgets, wakee_flips, WF_SYNC, recent_used_cpu
//	world      the scenarios: machines, what differs in each world, answers to the model
//	decide     asks the model, scores it, learns from the choice, carries the worlds on
//	account    stays, runs, landings: what it comes to on the isolated CPUs
//
// What results consist of is defined there and named here, so users import this package
// alone.
package replay
