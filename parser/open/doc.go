// Package open turns what a user names into a capture: a file, plain or compressed
// with gzip, zstd or xz; standard input; a folder with a capture and a host bundle, with
// the files of perf record --switch-output, or with ring buffers copied out of tracefs.
// The dialect is found by content: by magic bytes, else by a vote over the first
// lines. A text is taken out of a web page or a mail first.
//
// [File] returns an [Input], which is a [parser.Capture] and knows the bundle that
// lies beside it. What cannot be read twice or at random, such as standard input and
// compressed binary files, is kept in a temporary file of bounded size until Close.
package open
