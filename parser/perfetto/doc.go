// Package perfetto reads the traces of Perfetto (protos/perfetto/trace/trace.proto): a
// stream of packets, some of which hold what a CPU's ftrace buffer held, event by event
// or, with compact_sched, in columns. Opening a trace walks over all packets once and
// notes for each CPU where its bundles are; every pass then reads one bundle of each CPU
// at a time and merges them by time and CPU. Packets that are compressed are decompressed
// once, into a temporary file.
//
// # What a trace does not say
//
// In columns sched_switch has no previous task: it is the one that the CPU's last switch
// brought in, and unknown at the beginning and behind a loss. Events recorded one by one
// have no common_flags: whether an interrupt did a waking is known in columns only, and
// in the traces that this program writes.
//
// # Place of an event
//
// Event.Pos is the offset of its record in the file, in columns that of its bundle; of
// compressed packets, the offset in what they decompress to.
//
// # Bounds
//
// At most 8192 CPUs and 16384 pairs of CPU and packet sequence; packets of 16 MiB, of
// which a pass holds 128 MiB together; a compressed packet decompresses to 64 MiB. The
// index takes about 4 bytes for each bundle.
package perfetto
