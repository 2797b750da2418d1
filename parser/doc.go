// Package parser defines what every capture reader produces: one vocabulary of
// scheduler events, the host they were recorded on, and the errors that a reader may
// return.
//
// A [Capture] is an opened recording. Its Meta says what is known before the first
// event; Events delivers the events and may be called again, each call a pass of its
// own. An [Event] has a kind, and the fields of that kind; a field that the capture
// does not tell holds [NoPID], [NoCPU], [NoPrio] or [NoTime], never zero. A loss, a
// hole and a damaged place are events too, so nothing is missing without being told.
//
// [Host] is the recorded machine: topology, isolation, kernel, tasks. What is not
// known of it is a [fact.Fact] without a value.
//
// The readers live in one package per dialect below this one. Package open finds the
// right one for a file, package host reads host bundles.
package parser
