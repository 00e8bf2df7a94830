package sqlstore

import "errors"

// Errors that the dialects and the engine return, wrapped; test with
// errors.Is. Dialects translate by the driver's error code, never by text.
var (
	// ErrNotFound: the row asked for does not exist.
	ErrNotFound = errors.New("not found")
	// ErrConflict: the row exists already, or was changed by somebody else.
	ErrConflict = errors.New("conflict")
	// ErrHeld: leases of another prefix length are held in the range of a pool that
	// is new, or has another length now.
	ErrHeld = errors.New("address range is held")
	// ErrRetry: a deadlock, serialization failure or lock time-out; the same
	// transaction may succeed when repeated.
	ErrRetry = errors.New("transaction must be repeated")
	// ErrData: the database refused a value; repeating cannot help.
	ErrData = errors.New("database refused the data")
	// ErrUnavailable: the database cannot be reached, or the outcome of a
	// commit is unknown. Nothing may be answered.
	ErrUnavailable = errors.New("database unavailable")
	// ErrDenied: the database user lacks a privilege. Nothing may be answered;
	// it may be granted meanwhile.
	ErrDenied = errors.New("database user lacks a privilege")
	// ErrLogin: the database refuses the user, or its password. It comes together
	// with ErrUnavailable, because the other side may mend it.
	ErrLogin = errors.New("login refused")
	// ErrFenced: this frontend's heartbeat is too old for it to write.
	ErrFenced = errors.New("frontend heartbeat is stale")
	// ErrSuperseded: the request was made from a configuration that this frontend
	// has told its siblings it does not use any more. Nothing was written; make it
	// anew from the newest one.
	ErrSuperseded = errors.New("configuration superseded")
	// ErrBusy: the item lost its race, or waited, longer than allowed.
	ErrBusy = errors.New("too busy")
	// ErrSchema: the schema version is not one this program can work with.
	ErrSchema = errors.New("schema version mismatch")
	// ErrReadOnly: the server is a standby, or was made read-only. It comes
	// together with ErrUnavailable.
	ErrReadOnly = errors.New("the server is read-only")
	// ErrServer: the database server is too old, or none that is known.
	ErrServer = errors.New("unsupported database server")
)
