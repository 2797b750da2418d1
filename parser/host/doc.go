// Package host reads what is known of the recorded machine from a host bundle
// and from flags, and collects bundles on live machines.
//
// A host bundle is the machine's own /proc and /sys files under their own
// paths, as a folder or a tar archive: see docs/host-bundle.md. It is read as
// hostile input: nothing is ever written to disk, links are not followed, and
// entry counts, file sizes and decompressed sizes are bounded.
package host
