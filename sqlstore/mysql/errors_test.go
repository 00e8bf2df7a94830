package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

func numbered(number uint16, state string) error {
	e := &mysql.MySQLError{Number: number, Message: "message"}
	copy(e.SQLState[:], state)
	return e
}

func TestClassify(t *testing.T) {
	for _, test := range []struct {
		err  error
		want error
	}{
		{numbered(1205, "HY000"), sqlstore.ErrRetry},
		{numbered(1213, "40001"), sqlstore.ErrRetry},
		{numbered(1020, "HY000"), sqlstore.ErrRetry},
		{numbered(1412, "HY000"), sqlstore.ErrRetry},
		{numbered(1615, "HY000"), sqlstore.ErrRetry},
		{numbered(3572, "HY000"), sqlstore.ErrRetry},
		{numbered(3101, "40000"), sqlstore.ErrRetry},       // whatever the number: rolled back
		{numbered(9999, "40003"), sqlstore.ErrUnavailable}, // statement completion unknown
		{numbered(1180, "HY000"), sqlstore.ErrUnavailable},
		{numbered(1300, "HY000"), sqlstore.ErrData},
		{numbered(1062, "23000"), sqlstore.ErrConflict},
		{numbered(1586, "23000"), sqlstore.ErrConflict},
		{numbered(1049, "42000"), sqlstore.ErrSchema},
		{numbered(1054, "42S22"), sqlstore.ErrSchema},
		{numbered(1146, "42S02"), sqlstore.ErrSchema},
		{numbered(1305, "42000"), sqlstore.ErrSchema},
		{numbered(1264, "22003"), sqlstore.ErrData},
		{numbered(1265, "01000"), sqlstore.ErrData},
		{numbered(1292, "22007"), sqlstore.ErrData},
		{numbered(1366, "HY000"), sqlstore.ErrData},
		{numbered(1406, "22001"), sqlstore.ErrData},
		{numbered(1048, "23000"), sqlstore.ErrData},
		{numbered(1364, "HY000"), sqlstore.ErrData},
		{numbered(1452, "23000"), sqlstore.ErrData},
		{numbered(3819, "HY000"), sqlstore.ErrData},
		{numbered(4025, "23000"), sqlstore.ErrData},
		{numbered(3140, "22032"), sqlstore.ErrData},
		{numbered(4038, "HY000"), sqlstore.ErrData},
		{numbered(9999, "22ABC"), sqlstore.ErrData}, // data exception
		{numbered(9999, "23ABC"), sqlstore.ErrData}, // integrity constraint
		{numbered(1040, "08004"), sqlstore.ErrUnavailable},
		{numbered(1045, "28000"), sqlstore.ErrUnavailable},
		{numbered(1053, "08S01"), sqlstore.ErrUnavailable},
		{numbered(1290, "HY000"), sqlstore.ErrUnavailable},
		{numbered(1317, "70100"), sqlstore.ErrUnavailable},
		{numbered(1927, "70100"), sqlstore.ErrUnavailable},
		{numbered(4031, "HY000"), sqlstore.ErrUnavailable},
		{numbered(9999, ""), sqlstore.ErrUnavailable}, // a server that tells no state
		{numbered(9999, "2"), sqlstore.ErrUnavailable},
		{numbered(1213, ""), sqlstore.ErrRetry},
		{driver.ErrBadConn, sqlstore.ErrUnavailable},
		{mysql.ErrInvalidConn, sqlstore.ErrUnavailable},
		{mysql.ErrPktTooLarge, sqlstore.ErrUnavailable},
		{context.DeadlineExceeded, sqlstore.ErrUnavailable},
		{io.ErrUnexpectedEOF, sqlstore.ErrUnavailable},
		{os.ErrDeadlineExceeded, sqlstore.ErrUnavailable},
		{&net.OpError{Op: "dial", Net: "unix", Err: os.ErrNotExist}, sqlstore.ErrUnavailable},
		{&net.DNSError{Name: "db.example.org", IsNotFound: true}, sqlstore.ErrUnavailable},
	} {
		for _, err := range []error{test.err, fmt.Errorf("do: %w", test.err), errors.Join(errors.New("other"), test.err)} {
			got := classify(err)
			require.ErrorIs(t, got, test.want, "%v", err)
			require.ErrorIs(t, got, err, "the cause is kept")
			for _, other := range []error{sqlstore.ErrRetry, sqlstore.ErrConflict, sqlstore.ErrSchema, sqlstore.ErrData, sqlstore.ErrUnavailable} {
				if !errors.Is(test.want, other) {
					require.NotErrorIs(t, got, other, "%v", err)
				}
			}
		}
	}
}

// What is classified already, or is no error of the database, stays as it is.
func TestClassifyKeeps(t *testing.T) {
	require.NoError(t, classify(nil))
	for _, err := range []error{
		context.Canceled, fmt.Errorf("apply: %w", context.Canceled),
		sqlstore.ErrNotFound, sqlstore.ErrConflict, sqlstore.ErrRetry, sqlstore.ErrData, sqlstore.ErrUnavailable, sqlstore.ErrFenced,
		sqlstore.ErrBusy, sqlstore.ErrSchema, sqlstore.ErrServer, fmt.Errorf("pool 1: %w", sqlstore.ErrFenced),
	} {
		require.Equal(t, err, classify(err))
		require.Equal(t, classify(err), classify(classify(err)))
	}
	once := classify(numbered(1213, "40001"))
	require.Equal(t, once, classify(once), "two layers that both classify say it once")
}
