// Package findings says what a replay's result amounts to, as values: who held an
// isolated CPU, how each task came in, what it cost the owner, what remains of it under
// the patched kernel. Each fact is computed here, once; package say makes the sentences
// and the report, the gates and the exports print them.
package findings
