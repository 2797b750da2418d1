package eventtest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"schedreplay/parser"
)

// Source makes a source of bytes.
func Source(name string, b []byte) parser.Source {
	return parser.Source{
		Name: name, At: bytes.NewReader(b), Size: int64(len(b)),
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil },
	}
}

// Order is what both byte orders of encoding/binary are.
type Order interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

// Orders are the byte orders by name.
var Orders = map[string]Order{"little": binary.LittleEndian, "big": binary.BigEndian}

// The numbers of the tracepoints in synthetic captures.
const (
	IDSwitch = 101
	IDWaking = 104
)

// SwitchFormat and WakingFormat are event format files as Linux 6.1 has them.
const (
	SwitchFormat = `name: sched_switch
ID: 101
format:
	field:unsigned short common_type;	offset:0;	size:2;	signed:0;
	field:unsigned char common_flags;	offset:2;	size:1;	signed:0;
	field:unsigned char common_preempt_count;	offset:3;	size:1;	signed:0;
	field:int common_pid;	offset:4;	size:4;	signed:1;

	field:char prev_comm[16];	offset:8;	size:16;	signed:0;
	field:pid_t prev_pid;	offset:24;	size:4;	signed:1;
	field:int prev_prio;	offset:28;	size:4;	signed:1;
	field:long prev_state;	offset:32;	size:8;	signed:1;
	field:char next_comm[16];	offset:40;	size:16;	signed:0;
	field:pid_t next_pid;	offset:56;	size:4;	signed:1;
	field:int next_prio;	offset:60;	size:4;	signed:1;

print fmt: "prev_state=%s%s", (REC->prev_state & ((1 << 8) - 1)) ? __print_flags(REC->prev_state & ((1 << 8) - 1), "|", { 0x1, "S" }, { 0x2, "D" }) : "R", REC->prev_state & (1 << 8) ? "+" : ""
`
	WakingFormat = `name: sched_waking
ID: 104
format:
	field:unsigned short common_type;	offset:0;	size:2;	signed:0;
	field:unsigned char common_flags;	offset:2;	size:1;	signed:0;
	field:unsigned char common_preempt_count;	offset:3;	size:1;	signed:0;
	field:int common_pid;	offset:4;	size:4;	signed:1;

	field:char comm[16];	offset:8;	size:16;	signed:0;
	field:pid_t pid;	offset:24;	size:4;	signed:1;
	field:int prio;	offset:28;	size:4;	signed:1;
	field:int target_cpu;	offset:32;	size:4;	signed:1;

print fmt: "x"
`
)

// Writer writes what synthetic captures are made of in its byte order.
type Writer struct{ Order Order }

// Cat appends numbers and bytes: ints become 32 bits.
func (w Writer) Cat(parts ...any) []byte {
	var b []byte
	for _, p := range parts {
		switch v := p.(type) {
		case uint8:
			b = append(b, v)
		case uint16:
			b = w.Order.AppendUint16(b, v)
		case int:
			b = w.Order.AppendUint32(b, uint32(int32(v)))
		case uint32:
			b = w.Order.AppendUint32(b, v)
		case uint64:
			b = w.Order.AppendUint64(b, v)
		case []byte:
			b = append(b, v...)
		case string:
			b = append(b, v...)
		default:
			panic(fmt.Sprintf("%T", p))
		}
	}
	return b
}

// Comm pads a name as the events have it.
func Comm(s string) []byte { return append([]byte(s), make([]byte, 16-len(s))...) }

// Switch is a record of [SwitchFormat].
func (w Writer) Switch(prev string, prevPID int, state uint64, next string, nextPID int) []byte {
	return w.Cat(uint16(IDSwitch), uint8(1), uint8(0), prevPID, Comm(prev), prevPID, 120, state, Comm(next), nextPID, 139)
}

// Waking is a record of [WakingFormat].
func (w Writer) Waking(cur int, flags uint8, name string, pid, target int) []byte {
	return w.Cat(uint16(IDWaking), flags, uint8(0), cur, Comm(name), pid, 120, target)
}

// Preamble is how the block begins that both containers share: up to the page
// size.
func (w Writer) Preamble(version string, pageSize int) []byte {
	end := uint8(0)
	if w.Order == Order(binary.BigEndian) {
		end = 1
	}
	return w.Cat("\x17\x08\x44tracing", version+"\x00", end, uint8(8), pageSize)
}

// Formats is the part with the event formats, all of the system sched.
func (w Writer) Formats(formats ...string) []byte {
	b := w.Cat(1, "sched\x00", len(formats))
	for _, f := range formats {
		b = append(b, w.Cat(uint64(len(f)), f)...)
	}
	return b
}
