package perfdata

import (
	"errors"
	"fmt"

	"schedreplay/parser"
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

// events are the event types of a capture and the ids of their instances.
type events struct {
	attrs  []attr
	origin map[uint64]*origin
	// near holds most of origin, by the low bits of the id: perf_event_open
	// numbers its ids one after the other.
	near []nearOrigin
	// One type only, or types that lay out records alike, need no ids.
	uniform bool
	// Where ids stand, the same for all types.
	id, endID int
}

var errIDs = errors.New("event types without ids to tell them apart")

// settle fixes how records find their type, once all types are known.
func (e *events) settle() error {
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
func (e *events) addID(id uint64, o origin) error {
	if e.find(id) != nil {
		return nil
	}
	if len(e.origin) >= maxIDs {
		return fmt.Errorf("%w: more than %d event ids", parser.ErrLimit, maxIDs)
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
func (e *events) find(id uint64) *origin {
	if e.near != nil {
		if n := &e.near[id%nearIDs]; n.origin != nil && n.id == id {
			return n.origin
		}
	}
	return e.origin[id]
}

// known reports whether a sample with this id can be laid out.
func (e *events) known(id uint64) bool {
	return e.uniform || e.find(id) != nil
}
