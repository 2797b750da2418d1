// Package perfetto writes a capture as a Perfetto trace: the recorded timeline
// as ftrace events, and beside it a group of tracks for each of the two kernels
// compared: what runs on the isolated CPUs in its world, and its decisions with
// their explanation as arguments. Memory is bounded whatever the capture's size.
//
// The recorded clock is written as it is. Perfetto takes the stamps for boot
// time; they are the capture's own.
package perfetto
