package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"rowlock/sqlstore"
)

// CheckServing returns ErrDenied, with what is missing, unless the user has the
// privileges that serving needs.
func (s *Store) CheckServing(ctx context.Context) error {
	needs, err := Privileges(sqlstore.RoleFrontend)
	if err != nil {
		return err
	}
	missing, err := s.Missing(ctx, needs)
	if err != nil || len(missing) == 0 {
		return err
	}
	text := make([]string, len(missing))
	for i, p := range missing {
		text[i] = p.String()
	}
	return fmt.Errorf("%w: %s", sqlstore.ErrDenied, strings.Join(text, ", "))
}

// Missing asks the server for the user's privileges, those by way of roles
// included.
func (s *Store) Missing(ctx context.Context, needs []sqlstore.Privilege) ([]sqlstore.Privilege, error) {
	var objects, kinds, columns []string
	for _, n := range needs {
		objects, kinds, columns = append(objects, n.Object), append(kinds, n.Kind), append(columns, strings.Join(n.Columns, ","))
	}
	rows, err := s.general.Query(ctx, s.q.get("privilege_missing"), objects, kinds, columns)
	if err != nil {
		return nil, classify(err)
	}
	var missing []sqlstore.Privilege
	var n int
	_, err = pgx.ForEachRow(rows, []any{&n}, func() error {
		missing = append(missing, needs[n-1])
		return nil
	})
	return missing, classify(err)
}
