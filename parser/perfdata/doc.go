// Package perfdata reads the binary files that perf record, perf sched record
// and perf record -o - write (tools/perf/Documentation/perf.data-file-format.txt,
// tools/perf/util/header.c and session.c), of either byte order, plain, with
// compressed records (-z) and as folders (--threads).
//
// # How a pass works
//
// perf drains one ring buffer after the other, so a file is in order of time
// for each CPU and nothing more. Opening a capture walks over all record
// headers once. It notes, for each CPU, which stretches of the file are its
// own: a lane. Where a CPU's time runs backwards (an interrupt between taking
// the time and reserving the space) the record opens a further lane. Every pass
// then merges the lanes by time, CPU and place. So the order delivered is
// exact, whatever the rounds of the recorder, and memory does not grow with
// the number of events held back.
//
// perf record --overwrite leaves each ring buffer in the file from its newest
// record to its oldest. Such a lane is read from its end, some KiB at a time.
//
// Compressed records cannot be read at random: their content is decompressed
// once, when the capture is opened, into memory up to 8 MiB and beyond that
// into a temporary file, which Close removes.
//
// # Place of an event
//
// Event.Pos is the offset of its record in the file; of a compressed
// recording, the offset in the decompressed records; of a folder, the offset
// in the file of its CPU.
//
// # Bounds
//
// Sizes in headers are believed only as far as bytes are there. At most
// 65536 event types, 1 Mi event ids, 8192 CPUs, 16384 lanes. Reading buffers
// take 32 MiB together, the index of lanes about 4 bytes for each drained
// stretch (16 in the worst case), a zstd window at most 128 MiB (what perf's highest level, 22, uses),
// decompressed records 64 MiB plus 256 times the compressed size. A feature
// section is read up to 32 MiB. Names of tasks grow with the number of tasks.
package perfdata
