// Package columns keeps what happens over a time whose end is not known yet, in a bounded
// number of columns: when a time falls outside, columns double in width.
package columns
