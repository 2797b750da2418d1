// Package plots draws the report's figures, as SVG and PNG, with gonum/plot.
//
// A [Collector] takes part in the replay and keeps bounded state only: pixel columns,
// histograms and the worst few of everything. The same input gives the same bytes.
package plots
