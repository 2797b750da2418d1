// Package report writes what people read: report.md, report.html, report.json, tables and
// figures.
//
// A [Report] takes part in the replay through its observer and keeps bounded state only;
// tables that grow with the capture go to files at once. Write then puts the whole folder
// in place, or nothing.
//
// The same input gives the same bytes.
package report
