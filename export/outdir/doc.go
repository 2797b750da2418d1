// Package outdir makes what a command leaves behind appear whole or not at all:
// files and folders are written beside their place and take it in the end. It
// replaces only what schedreplay made, and never an input.
package outdir
