package table

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
type parquetWriter struct {
	w   *parquet.GenericWriter[any]
	s   *Schema
	row parquet.Row
}

func newParquet(w io.Writer, s *Schema, meta []Meta) *parquetWriter {
	o := []parquet.WriterOption{
		parquetSchema(s), parquet.Compression(&parquet.Snappy), parquet.CreatedBy("schedreplay", "", ""),
		parquet.MaxRowsPerRowGroup(rowGroup), parquet.PageBufferSize(pageBuffer), parquet.WriteBufferSize(pageBuffer),
	}
	for _, m := range meta {
		o = append(o, parquet.KeyValueMetadata(m.Key, m.Value))
	}
	return &parquetWriter{w: parquet.NewGenericWriter[any](w, o...), s: s}
}

// parquetSchema makes the schema with the columns in their order, which a
// struct keeps.
func parquetSchema(s *Schema) *parquet.Schema {
	var fields []reflect.StructField
	for _, c := range s.Columns {
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
	return parquet.NewSchema(s.Name, root)
}

func (p *parquetWriter) Write(row []Value) error {
	p.row = p.row[:0]
	for i, v := range row {
		cell, level := parquet.NullValue(), 0
		if v.Known {
			level = 1
			switch p.s.Columns[i].Type {
			case Int:
				cell = parquet.Int64Value(v.Int)
			case Bool:
				cell = parquet.BooleanValue(v.Bool)
			default:
				cell = parquet.ByteArrayValue([]byte(strings.ToValidUTF8(v.Text, "\ufffd")))
			}
		}
		p.row = append(p.row, cell.Level(0, level, i))
	}
	_, err := p.w.WriteRows([]parquet.Row{p.row})
	return err
}

func (p *parquetWriter) Close() error { return p.w.Close() }
