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
	missing, err := s.Missing(ctx, sqlstore.RoleFrontend)
	if err != nil || len(missing) == 0 {
		return err
	}
	text := make([]string, len(missing))
	for i, p := range missing {
		text[i] = p.String()
	}
	return fmt.Errorf("%w: %s", sqlstore.ErrDenied, strings.Join(text, ", "))
}

// Missing returns what the user lacks of what a role needs, columns one by one.
func (s *Store) Missing(ctx context.Context, role sqlstore.DatabaseRole) ([]sqlstore.Privilege, error) {
	all, err := Privileges(role)
	if err != nil {
		return nil, err
	}
	var single []sqlstore.Privilege
	var of []int32
	var kinds, objects, columns []string
	for _, p := range all {
		names := p.Columns
		if len(names) == 0 {
			names = []string{""}
		}
		for _, column := range names {
			of, kinds, objects, columns = append(of, int32(len(single))), append(kinds, p.Kind), append(objects, p.Object), append(columns, column)
			one := sqlstore.Privilege{Kind: p.Kind, Object: p.Object}
			if column != "" {
				one.Columns = []string{column}
			}
			single = append(single, one)
		}
	}
	rows, err := s.general.Query(ctx, s.q.get("privilege_missing"), of, kinds, objects, columns)
	if err != nil {
		return nil, classify(err)
	}
	var missing []sqlstore.Privilege
	var n int32
	_, err = pgx.ForEachRow(rows, []any{&n}, func() error {
		missing = append(missing, single[n])
		return nil
	})
	return missing, classify(err)
}
