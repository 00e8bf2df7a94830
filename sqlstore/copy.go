package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrMoved tells that a move of the database is under way, or that it was moved
// elsewhere; nothing may be served from it.
var ErrMoved = errors.New("database is not to be used")

// ErrOtherMove tells that somebody else moves into the same database. It comes
// together with ErrConflict.
var ErrOtherMove = errors.New("another move writes into the same database")

// OtherMove is ErrOtherMove as dialects return it.
func OtherMove() error { return fmt.Errorf("%w: %w", ErrConflict, ErrOtherMove) }

// ColumnKind is the kind of a column of a copied table: the portable form of its values, the
// same for every dialect. A value is nil (NULL), an int64, a string or a
// []byte.
type ColumnKind uint8

// The kinds of columns.
const (
	IntColumn   ColumnKind = iota + 1 // int64
	BoolColumn                        // int64, 0 or 1
	TimeColumn                        // int64, microseconds since 1970-01-01 00:00:00 UTC; a time that is always past is 0
	TextColumn                        // string
	BytesColumn                       // []byte
)

// Column is one column of a copied table.
type Column struct {
	Name string
	Kind ColumnKind
}

// CopyTable is a table that is copied whole from one database to another.
type CopyTable struct {
	Name    string
	Columns []Column
	Key     []int  // the columns of its primary key, in order
	Counter string // the column whose values the engine counts up, "" if none
}

// Row is the values of a row, in the order of the table's columns.
type Row []any

// KeyOf returns the values of the row's primary key.
func (t *CopyTable) KeyOf(r Row) Row {
	key := make(Row, len(t.Key))
	for i, c := range t.Key {
		key[i] = r[c]
	}
	return key
}

// MoveMark is what a move leaves in a database. While it is there the database
// is neither served from nor changed by anything but the move.
type MoveMark struct {
	Source     bool // it is (being) moved to Peer; else it is being filled from Peer
	Peer       string
	ServerDUID []byte // the identity that both databases have
	Finished   bool   // Peer has everything
	At         time.Time
}

// Err says what a database that has this mark must be refused with; nil
// without a mark.
func (m *MoveMark) Err() error {
	switch {
	case m == nil:
		return nil
	case !m.Source:
		return fmt.Errorf("%w: a move from %s into it is not finished: run `rowlock move` again, which goes on where it ended", ErrMoved, m.Peer)
	case !m.Finished:
		return fmt.Errorf("%w: a move of it to %s is not finished: run `rowlock move` again, or `rowlock move --undo` to stay here", ErrMoved, m.Peer)
	}
	return fmt.Errorf("%w: it was moved to %s on %s: serve from there, or run `rowlock move --undo` to come back to what is here",
		ErrMoved, m.Peer, m.At.UTC().Format(time.RFC3339))
}

// CopyProgress is how far a table is.
type CopyProgress struct {
	Copied   int64
	Position []byte // the key of the last row, as the mover encodes it
	Done     bool
}

// CopyReader reads tables as they were at one moment.
type CopyReader interface {
	// CountRows returns how many rows the table has.
	CountRows(ctx context.Context, t *CopyTable) (int64, error)
	// ReadRows calls do with each row after the given key (nil: from the first
	// row), in the order of the primary key as this database sorts it. do may
	// keep the row.
	ReadRows(ctx context.Context, t *CopyTable, after Row, do func(Row) error) error
}

// CopyStore reads and writes whole tables, for moving a database.
type CopyStore interface {
	// MoveMark returns the mark of the database, nil if it has none.
	MoveMark(ctx context.Context) (*MoveMark, error)
	// SetMoveMark writes the mark, with the time, or with nil removes it.
	SetMoveMark(ctx context.Context, m *MoveMark) error
	// CopySnapshot runs do with a reader of one moment.
	CopySnapshot(ctx context.Context, do func(CopyReader) error) error
	// BeginCopy marks the database, empties all tables that are copied, and
	// notes that none of them has been begun, in one transaction.
	BeginCopy(ctx context.Context, m MoveMark) error
	// CopyProgress returns how far each table is.
	CopyProgress(ctx context.Context) (map[string]CopyProgress, error)
	// WriteRows inserts rows and notes how far the table is then, in one
	// transaction: ErrOtherMove when that is not now at was, because somebody
	// else writes too; ErrConflict or ErrData when a row does not fit.
	WriteRows(ctx context.Context, t *CopyTable, rows []Row, was, now CopyProgress) error
	// FinishCopy lets counters go on above the values that were copied and
	// removes mark and progress, in one transaction: ErrOtherMove when a table
	// is not done, because somebody else began anew meanwhile.
	FinishCopy(ctx context.Context) error
}
