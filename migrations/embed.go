// Package migrations holds the schema of every dialect as goose migrations.
// The numbers and names of the files are the same in all dialects; within a
// major version migrations only add (expand now, contract in the next major).
package migrations

import "embed"

// Files has one folder per dialect: mysql, postgres, sqlite.
//
//go:embed mysql/*.sql postgres/*.sql sqlite/*.sql
var Files embed.FS

// Newest is the schema version this program writes, and Oldest the lowest one
// it can work with.
const (
	Oldest = 8
	Newest = 8
)
