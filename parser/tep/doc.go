// Package tep decodes trace events from their raw bytes, as the kernel's
// event description files say: the files named format below
// /sys/kernel/tracing/events, which perf.data and trace.dat embed.
//
// The raw layout of a tracepoint is not an ABI (include/uapi/linux/perf_event.h
// says so of PERF_SAMPLE_RAW): fields move, change from an array to a
// __data_loc reference, and go. So every offset used here comes from the
// capture's own format files, and a task state is spelled with the capture's
// own flag table.
//
// [Reader] reads the block both containers share (man trace-cmd.dat.v6,
// tools/perf/util/trace-event-read.c) into a [Table], and [Table.Decode] turns
// raw bytes into a [parser.Event] without allocating. [Heap] merges what the CPUs
// recorded into one order.
//
// # Bounds
//
// One format file may hold [MaxFormat] bytes and is not kept; a table holds at
// most 65536 events, for that is what the common_type field can name. Names of
// tasks are interned in a [parser.Names].
package tep
