package mysql

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/go-sql-driver/mysql"

	"rowlock/sqlstore"
)

// The error numbers of both servers that mean something to the program. What is
// in no list, and is no data error by its SQLSTATE, is ErrUnavailable.
var (
	retryNumbers = []uint16{
		1205, // lock wait time-out
		1213, // deadlock; on Galera also a lost certification
		1020, // record has changed since last read (MariaDB)
		1412, // table definition has changed
		1615, // prepared statement must be prepared again
		3572, // lock not available
	}
	conflictNumbers = []uint16{1062, 1586}
	schemaNumbers   = []uint16{
		1049, // unknown database
		1054, // unknown column
		1146, // no such table
		1305, // no such procedure
	}
	deniedNumbers = []uint16{
		1044,       // the whole database
		1142, 1143, // a table, a column
		1370, // a procedure
		1227, // a privilege of the server
		1419, // triggers, where there is a binary log
	}
	loginNumbers = []uint16{
		1045, 1698, // access denied: by password, by the account's plugin
		1820, 1862, // the password has expired
		3118, 4151, // the account is locked: MySQL, MariaDB
	}
	dataNumbers = []uint16{
		1264, 1265, // out of range, truncated
		1366, 1292, 1300, 1411, // incorrect value
		1406,             // too long
		1048, 1364, 1452, // NULL, no default, no parent row
		3819, 4025, // check constraint: MySQL, MariaDB
		1644,                               // refused by a trigger
		3140, 3141, 3156, 3665, 3666, 3669, // JSON: MySQL
		4037, 4038, 4174, 4175, 4177, 4178, // JSON: MariaDB
	}
)

// explainMigration says what a migration needs that was refused for want of a
// privilege.
func explainMigration(err error) error {
	err = classify(err)
	var me *mysql.MySQLError
	switch {
	case !errors.Is(err, sqlstore.ErrDenied) || !errors.As(err, &me):
		return err
	case me.Number == 1419:
		return fmt.Errorf("the server has a binary log and lets only administrators make triggers: set %s, or migrate as a user with SUPER: %w", trustCreators, err)
	}
	return fmt.Errorf("the user that migrates needs all privileges on the database, TRIGGER among them: %w", err)
}

// classify turns a driver's error into one of sqlstore's, by number. Errors
// that are one already stay as they are.
func classify(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || isClassified(err) {
		return err
	}
	var me *mysql.MySQLError
	if !errors.As(err, &me) {
		return fmt.Errorf("%w: %w", sqlstore.ErrUnavailable, err)
	}
	if slices.Contains(loginNumbers, me.Number) {
		return fmt.Errorf("%w: %w: %w", sqlstore.ErrUnavailable, sqlstore.ErrLogin, err)
	}
	sentinel := sqlstore.ErrUnavailable
	state := string(me.SQLState[:])
	class := state[:2]
	switch {
	case slices.Contains(retryNumbers, me.Number), class == "40" && state != "40003": // rolled back, the outcome is known
		sentinel = sqlstore.ErrRetry
	case slices.Contains(conflictNumbers, me.Number):
		sentinel = sqlstore.ErrConflict
	case slices.Contains(schemaNumbers, me.Number):
		sentinel = sqlstore.ErrSchema
	case slices.Contains(deniedNumbers, me.Number):
		sentinel = sqlstore.ErrDenied
	case slices.Contains(dataNumbers, me.Number), class == "22", class == "23":
		sentinel = sqlstore.ErrData
	}
	return fmt.Errorf("%w: %w", sentinel, err)
}

func isClassified(err error) bool {
	for _, e := range []error{
		sqlstore.ErrNotFound, sqlstore.ErrConflict, sqlstore.ErrHeld, sqlstore.ErrRetry, sqlstore.ErrData, sqlstore.ErrUnavailable,
		sqlstore.ErrDenied, sqlstore.ErrFenced, sqlstore.ErrBusy, sqlstore.ErrSchema, sqlstore.ErrServer,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
