// Package say makes sentences from values: the verdict, the headline, what is not
// known, the words of a comparison. It also prints numbers, times and names the way the
// whole program does.
//
// A sentence is marked text: names and words of the kernel stand between marks that no
// input can hold, and each format escapes them in its own way (see [Spans]). Nobody reads
// a sentence back.
package say
