// Package text holds what the readers of printed captures share: a line
// reader of bounded memory, the marks that mail and ticket systems put before
// pasted lines, numbers and time stamps as integers, the payload grammar of the
// scheduler tracepoints (include/trace/events/sched.h, TP_printk), task-state
// letters, and the order and losses of each CPU's events.
//
// It knows no dialect: parser/ftrace, parser/perfscript and parser/timehist
// build on it.
package text
