package mysql

import (
	"rowlock/sqlstore"
	"rowlock/sqlstore/mysql/jsonrow"
)

// items is the JSON parameter of a statement.
type items struct{ jsonrow.List }

func (b *items) key(k sqlstore.Key) { b.Bytes([]byte(k)) }
