// Package cpumask holds sets of CPU numbers with the operations and the text forms
// of the kernel's cpumask (include/linux/cpumask.h, lib/bitmap.c): the lists of
// isolcpus= and Cpus_allowed_list, and the hexadecimal masks of /proc and /sys.
//
// The zero [Mask] is empty and ready to use.
package cpumask
