// Package fact holds values together with how they came to be known.
//
// schedreplay never turns missing data into zero, idle or false: a value that is not
// known is a [Fact] whose provenance is [Unknown], and every consumer has to ask
// before it uses the value. The provenance and the source travel with the value into
// the report.
package fact
