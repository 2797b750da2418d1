// Package anonymize makes copies of captures and host bundles that may leave
// the company: the same dialect, times and CPUs untouched, task names, host name
// and command lines replaced. Replacements have the length of what they replace.
//
// A text keeps its size. perf.data and trace.dat are written anew, with what
// schedreplay reads and nothing else: records and features that it does not read are
// left out, other fields, padding and what lies behind the end of a text are zero,
// and what was compressed is plain. trace.dat comes out as version 7.
package anonymize
