package timeline

// TaskRef names a task in results.
type TaskRef struct {
	PID int32
	// Comm is the name as recorded, byte for byte; the last one if it changed.
	Comm string
	// Prio is on the kernel's scale, parser.NoPrio if unknown.
	Prio int32
}

// WakerContext says who did the waking.
type WakerContext string

// The waker contexts of the wakeups contract.
const (
	WakerTask    WakerContext = "task"
	WakerSoftirq WakerContext = "softirq"
	WakerHardirq WakerContext = "hardirq"
	WakerIdle    WakerContext = "idle"
	WakerUnknown WakerContext = "unknown"
)
