package perfdata

import (
	"errors"
	"fmt"

	"schedreplay/parser"
	"schedreplay/parser/tep"
)

// maxIDs bounds the event ids of a capture: 8192 CPUs with 128 events each.
const maxIDs = 1 << 20

// maxAttrs bounds the event types of a capture.
const maxAttrs = 1 << 16

// origin is what an event id stands for.
type origin struct {
	attr int32
	cpu  int32 // the CPU it was opened on, NoCPU if not told
}

type nearOrigin struct {
	id uint64
	*origin
}

// nearIDs is a power of two.
const nearIDs = 1 << 12

// Types are the event types of a recording and the ids of their instances: they
// tell how records are laid out.
type Types struct {
	attrs  []attr
	origin map[uint64]*origin
	// near holds most of origin, by the low bits of the id: perf_event_open
	// numbers its ids one after the other.
	near []nearOrigin
	// One type only, or types that lay out records alike, need no ids.
	uniform bool
	// Where ids stand, the same for all types.
	id, endID int
	settled   bool
	unset     error // why settling failed
}

var errIDs = errors.New("event types without ids to tell them apart")

// Add adds an event type, a struct perf_event_attr, with its ids, 8 bytes each.
// Types that come behind the first sample are left out: nobody could have
// recorded samples of them yet.
func (e *Types) Add(b, ids []byte, o tep.Order) error {
	if e.settled {
		return nil
	}
	a, err := parseAttr(b, o)
	if err != nil {
		return err
	}
	if len(e.attrs) >= maxAttrs {
		return fmt.Errorf("%w: more than %d event types", parser.ErrLimit, maxAttrs)
	}
	e.attrs = append(e.attrs, a)
	for ; len(ids) >= 8; ids = ids[8:] {
		if err := e.addID(o.Uint64(ids), origin{int32(len(e.attrs) - 1), parser.NoCPU}); err != nil {
			return err
		}
	}
	return nil
}

// AddRecord is Add for the HEADER_ATTR record that a stream has.
func (e *Types) AddRecord(rec []byte, o tep.Order) error {
	// perf_event_attr, whose own size field tells its length, then ids.
	body := rec[headerSize:]
	if len(body) < attrSizeV0 {
		return fmt.Errorf("%w: HEADER_ATTR of %d bytes", parser.ErrDamaged, len(rec))
	}
	size := int(o.Uint32(body[4:]))
	if size < attrSizeV0 || size > len(body) {
		return fmt.Errorf("%w: HEADER_ATTR of %d bytes states an attribute of %d", parser.ErrDamaged, len(rec), size)
	}
	return e.Add(body[:size], body[size:], o)
}

// settle fixes how records find their type, once all types are known.
func (e *Types) settle() error {
	if !e.settled {
		e.settled = true
		e.unset = e.fix()
	}
	return e.unset
}

func (e *Types) fix() error {
	if len(e.attrs) == 0 {
		return fmt.Errorf("%w: it names no events", parser.ErrDamaged)
	}
	first := &e.attrs[0]
	e.id, e.endID, e.uniform = first.id, first.endID, true
	for i := range e.attrs {
		a := &e.attrs[i]
		if a.sampleType != first.sampleType || a.readFormat != first.readFormat || a.typ != first.typ {
			e.uniform = false
		}
		if a.id != e.id {
			return fmt.Errorf("%w: %w", parser.ErrDamaged, errIDs)
		}
	}
	if e.id < 0 && !e.uniform {
		return fmt.Errorf("%w: %w", parser.ErrDamaged, errIDs)
	}
	return nil
}

// addID notes an id of a type. The first note wins.
func (e *Types) addID(id uint64, o origin) error {
	if e.find(id) != nil {
		return nil
	}
	if len(e.origin) >= maxIDs {
		return fmt.Errorf("%w: more than %d event ids", parser.ErrLimit, maxIDs)
	}
	if e.origin == nil {
		e.origin = map[uint64]*origin{}
	}
	e.origin[id] = &o
	if e.near == nil {
		e.near = make([]nearOrigin, nearIDs)
	}
	if n := &e.near[id%nearIDs]; n.origin == nil {
		*n = nearOrigin{id, &o}
	}
	return nil
}

// find returns what an id stands for, nil if that is not known.
func (e *Types) find(id uint64) *origin {
	if e.near != nil {
		if n := &e.near[id%nearIDs]; n.origin != nil && n.id == id {
			return n.origin
		}
	}
	return e.origin[id]
}

// known reports whether a sample with this id can be laid out.
func (e *Types) known(id uint64) bool {
	return e.uniform || e.find(id) != nil
}

// Raw returns the tracepoint's record within a sample, nil if it holds none, and
// where the part of the sample ends that New reads. The error says why the sample
// cannot be read.
func (e *Types) Raw(rec []byte, o tep.Order) (raw []byte, end int, err error) {
	if err := e.settle(); err != nil {
		return nil, 0, err
	}
	_, org, err := e.locate(rec, o)
	if err != nil {
		return nil, 0, err
	}
	a := &e.attrs[org.attr]
	if a.typ == typeTracepoint {
		raw, err = a.raw(rec, o)
	}
	if raw == nil {
		return nil, a.variable, err
	}
	return raw, cap(rec) - cap(raw) + len(raw), err
}

// Comm returns the field with the name in a COMM record, padding and all.
func (e *Types) Comm(rec []byte, o tep.Order) ([]byte, error) {
	if err := e.settle(); err != nil {
		return nil, err
	}
	_, org, err := e.locate(rec, o)
	if end := len(rec) - e.attrs[org.attr].trailer; err == nil && end >= sizeofCommHeader {
		return rec[sizeofCommHeader:end], nil
	}
	return nil, fmt.Errorf("COMM of %d bytes", len(rec))
}
