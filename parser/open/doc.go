// Package open turns what a user names into a capture: a file, plain or compressed
// with gzip, zstd or xz; standard input; a folder with a capture and a host bundle.
// The dialect is found by content: by magic bytes, else by a vote over the first
// lines.
//
// [File] returns an [Input], which is a [parser.Capture] and knows the bundle that
// lies beside it. What cannot be read twice or at random, such as standard input and
// compressed binary files, is kept in a temporary file of bounded size until Close.
package open
