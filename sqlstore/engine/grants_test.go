package engine_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
	"rowlock/sqlstore/engine"
)

const grants engine.GrantFile = `-- About this file.

-- name: grants_head
-- For $user.
GRANT USAGE ON SCHEMA $schema TO $user;
GRANT SELECT ON $schema.version TO $user;

-- name: grants_foot
COMMIT;

-- name: grants_report
-- Looks.
GRANT SELECT (id, rev), UPDATE ON $schema.head TO $user;
GRANT EXECUTE ON FUNCTION $schema.work(bytea, integer) TO $user;
`

func TestGrantFile(t *testing.T) {
	script, err := grants.Script(sqlstore.RoleReport, map[string]string{"user": `"$schema"`, "schema": "public"})
	require.NoError(t, err)
	require.Equal(t, `-- For "$schema".
GRANT USAGE ON SCHEMA public TO "$schema";
GRANT SELECT ON public.version TO "$schema";
-- Looks.
GRANT SELECT (id, rev), UPDATE ON public.head TO "$schema";
GRANT EXECUTE ON FUNCTION public.work(bytea, integer) TO "$schema";
COMMIT;
`, script)
	require.Equal(t, []sqlstore.Privilege{
		{Kind: "SELECT", Object: "version"},
		{Kind: "SELECT", Object: "head", Columns: []string{"id", "rev"}},
		{Kind: "UPDATE", Object: "head"},
		{Kind: "EXECUTE", Object: "work"},
	}, grants.Privileges(sqlstore.RoleReport))
	_, err = grants.Script(sqlstore.RoleDDNS, nil)
	require.Error(t, err)
}
