// Package plots turns a replay's result into what people read: the report
// (report.md, report.html, report.json, CSV tables) and its figures (SVG and
// PNG, drawn with gonum/plot).
//
// A [Report] takes part in the replay through its observer and keeps bounded
// state only: pixel columns, histograms and the worst few of everything;
// tables that grow with the capture are streamed to files. Write then puts the
// whole folder in place at once or not at all.
//
// The same input gives the same bytes.
package plots
