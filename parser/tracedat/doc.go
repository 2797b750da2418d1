// Package tracedat reads the trace.dat files of trace-cmd, versions 6 and 7
// (man trace-cmd.dat.v6 and trace-cmd.dat.v7, lib/trace-cmd/trace-input.c):
// metadata in sections, and for each CPU the pages of its ring buffer as the
// kernel wrote them (kernel/trace/ring_buffer.c), in version 7 compressed in
// chunks with zstd or zlib.
//
// Pages that were copied out of tracefs itself are read the same way ([NewRaw]).
//
// The pages of a CPU are in order of time, so a pass reads one page of every
// CPU at a time and merges them by time, CPU and place.
//
// # Place of an event
//
// Event.Pos is the offset of its record in the file; for compressed data, the
// offset of the CPU's data plus the offset in what decompresses from it.
//
// # Clocks
//
// Stamps are delivered in the recording's own clock. trace-cmd report adds the
// offset that record --date stored to every stamp; here it becomes
// Clock.WallOffset instead. An offset from record --ts-offset is added, as the
// user asked for it. Cycles (x86-tsc) are converted with the factors stored
// beside them, and refused without; so is the clock counter, which tells order
// and no time.
//
// # Bounds
//
// Sizes in headers are believed only as far as bytes are there. At most 8192
// CPUs, 64 buffers, 1024 option sections, pages of 4 KiB to 1 MiB, chunks that
// decompress to 8 MiB. A pass holds one page of each CPU of plain data, one
// chunk of each CPU of compressed data, and no more than 256 MiB in all.
// Names of tasks take what the cached command lines of the file take.
package tracedat
