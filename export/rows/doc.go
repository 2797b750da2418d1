// Package rows writes what a capture shows as rows: wakeups, stays, runs on
// isolated CPUs, slices of the timeline; as CSV, JSON or Parquet. A column is
// defined once, whichever table and format it stands in, and so is how a value
// is written. Rows stream; memory does not grow with them.
//
// docs/formats-out.md and docs/command-line.md describe the columns.
package rows
