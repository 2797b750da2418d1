// Package fleet is what many recordings amount to together, as values that merge: the
// Summary of each, the Fleet that they add up to, and the answers that a Fleet gives. A
// Fleet is the same in whatever order and grouping its parts are added, so that any engine
// may do it.
package fleet
