// Package stats is the program's one room for statistics: percentiles, bands by
// bootstrap, and the sizes of effects. Numbers go in and numbers come out.
package stats
