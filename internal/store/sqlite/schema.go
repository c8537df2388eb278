package sqlite

import (
	"database/sql"
	_ "embed"
	"encoding/json"
	"hash/crc32"
	"strings"

	"github.com/pointsman-ai/pointsman/internal/ledger"
)

//go:embed schema.sql
var otherTables string

// schema makes the tables in an empty file, and schemaVersion tells them from
// those of another version of this program; applicationID marks the file as
// ours ("PMIX"). Both lie in the file's header.
var (
	schema        = decisionTable() + otherTables
	schemaVersion = int32(crc32.ChecksumIEEE([]byte(schema)) >> 1)
)

const applicationID = 0x504d4958

// columns names the columns of a decision, and marks has a question mark for
// each.
var (
	columns = joined(func(c ledger.Column) string { return c.Name })
	marks   = joined(func(ledger.Column) string { return "?" })
)

func joined(each func(ledger.Column) string) string {
	var parts []string
	for _, c := range ledger.Columns {
		parts = append(parts, each(c))
	}
	return strings.Join(parts, ", ")
}

func decisionTable() string {
	types := map[ledger.Kind]string{
		ledger.KindText: "TEXT", ledger.KindInteger: "INTEGER NOT NULL", ledger.KindBool: "INTEGER NOT NULL", ledger.KindReal: "REAL",
		ledger.KindTime:     "INTEGER NOT NULL", // Unix nanoseconds
		ledger.KindMoney:    "INTEGER",          // nano-dollars; NULL is unknown
		ledger.KindTextList: "TEXT",             // a JSON array
	}
	return "CREATE TABLE decision (" + joined(func(c ledger.Column) string { return c.Name + " " + types[c.Kind] }) + ");\n"
}

// values are a row as arguments of a statement.
func values(row *ledger.Row) ([]any, error) {
	out := make([]any, len(ledger.Columns))
	for i, c := range ledger.Columns {
		out[i] = c.Value(row)
		if list, ok := out[i].([]string); ok {
			text, err := json.Marshal(list)
			if err != nil {
				return nil, err
			}
			out[i] = string(text)
		}
	}
	return out, nil
}

// scan reads the columns of one row.
func scan(rows *sql.Rows) (row ledger.Row, err error) {
	into := make([]any, len(ledger.Columns))
	for i, c := range ledger.Columns {
		switch c.Kind {
		case ledger.KindText, ledger.KindTextList:
			into[i] = new(sql.NullString)
		case ledger.KindReal:
			into[i] = new(sql.NullFloat64)
		case ledger.KindBool:
			into[i] = new(sql.NullBool)
		case ledger.KindInteger, ledger.KindTime, ledger.KindMoney:
			into[i] = new(sql.NullInt64)
		}
	}
	if err := rows.Scan(into...); err != nil {
		return row, err
	}
	for i, c := range ledger.Columns {
		var value any
		switch v := into[i].(type) {
		case *sql.NullString:
			value, err = textOf(c, v)
		case *sql.NullFloat64:
			value, err = v.Value()
		case *sql.NullBool:
			value, err = v.Value()
		case *sql.NullInt64:
			value, err = v.Value()
		}
		if err == nil {
			err = c.Set(&row, value)
		}
		if err != nil {
			return row, err
		}
	}
	return row, nil
}

func textOf(c ledger.Column, v *sql.NullString) (any, error) {
	if c.Kind != ledger.KindTextList || !v.Valid {
		return v.Value()
	}
	var list []string
	err := json.Unmarshal([]byte(v.String), &list)
	return list, err
}
