package rows

import (
	"io"
	"reflect"
	"strings"

	"github.com/parquet-go/parquet-go"
)

// rowGroup bounds the rows of a Parquet row group, which is held in memory.
const rowGroup = 16 << 10

// pageBuffer is the size of a column's buffer, in bytes; there are some eighty
// columns.
const pageBuffer = 64 << 10

// parquetWriter writes Parquet: one optional column each, snappy.
type parquetWriter[T any] struct {
	w   *parquet.GenericWriter[any]
	t   *Table[T]
	row parquet.Row
}

func newParquet[T any](w io.Writer, t *Table[T], meta []Meta) *parquetWriter[T] {
	o := []parquet.WriterOption{
		parquetSchema(t.Name, t.Columns()), parquet.Compression(&parquet.Snappy), parquet.CreatedBy("schedreplay", "", ""),
		parquet.MaxRowsPerRowGroup(rowGroup), parquet.PageBufferSize(pageBuffer), parquet.WriteBufferSize(pageBuffer),
	}
	for _, m := range meta {
		o = append(o, parquet.KeyValueMetadata(m.Key, m.Value))
	}
	return &parquetWriter[T]{w: parquet.NewGenericWriter[any](w, o...), t: t}
}

// parquetSchema makes the schema with the columns in their order, which a
// struct keeps.
func parquetSchema(name string, columns []Column) *parquet.Schema {
	var fields []reflect.StructField
	for _, c := range columns {
		f := reflect.StructField{Name: "C" + strings.ToUpper(c.Name), Tag: reflect.StructTag(`parquet:"` + c.Name + `,optional"`)}
		switch c.Type {
		case Int:
			f.Type = reflect.TypeFor[int64]()
		case Bool:
			f.Type = reflect.TypeFor[bool]()
		default:
			f.Type = reflect.TypeFor[string]()
		}
		fields = append(fields, f)
	}
	root := parquet.SchemaOf(reflect.New(reflect.StructOf(fields)).Interface())
	return parquet.NewSchema(name, root)
}

func (p *parquetWriter[T]) Write(v *T) error {
	p.row = p.row[:0]
	for i := range p.t.cols {
		c := &p.t.cols[i]
		x := c.cell(v)
		cell, level := parquet.NullValue(), 0
		if x.Known {
			level = 1
			switch c.typ {
			case Int:
				cell = parquet.Int64Value(x.Int)
			case Bool:
				cell = parquet.BooleanValue(x.Int != 0)
			case CPUs:
				cell = parquet.ByteArrayValue([]byte(x.CPUs.String()))
			default:
				cell = parquet.ByteArrayValue([]byte(strings.ToValidUTF8(x.Text, "\ufffd")))
			}
		}
		p.row = append(p.row, cell.Level(0, level, i))
	}
	_, err := p.w.WriteRows([]parquet.Row{p.row})
	return err
}

func (p *parquetWriter[T]) Close() error { return p.w.Close() }
