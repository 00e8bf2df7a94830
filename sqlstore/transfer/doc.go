// Package transfer copies a whole database into another one, of whatever
// dialect, and compares the two. It knows tables and rows in their portable
// form (sqlstore.CopyTables) and no SQL.
//
// A move marks both databases, so that nothing is served from either; copies
// table by table in batches, each in one transaction of the target together
// with a note of how far the table is; then counts and sums up the rows of both
// sides, and only when they agree lets the target be used. A move that ended
// half-way, however it ended, goes on from these notes.
package transfer
