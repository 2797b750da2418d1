package timeline

// TaskRef names a task in results.
type TaskRef struct {
	PID int32
	// Comm is the name as recorded, byte for byte; the last one if it changed.
	Comm string
	// Prio is on the kernel's scale, parser.NoPrio if unknown.
	Prio int32
}
