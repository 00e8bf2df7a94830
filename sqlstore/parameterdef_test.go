package sqlstore

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// The bounds in SQL are those of the program.
func TestParameterRows(t *testing.T) {
	rows := ParameterRows()
	require.Len(t, rows, len(ParameterDefs))
	for i, r := range rows {
		d := ParameterDefs[i]
		require.Equal(t, [4]string{d.Name, string(d.Type), d.Scopes, d.Default}, [4]string{r.Name, r.Type, r.Scopes, r.Default})
		if r.Lowest == nil {
			require.Nil(t, r.Highest)
			continue
		}
		for _, edge := range []float64{*r.Lowest, *r.Highest} {
			require.NoError(t, d.Check(strconv.FormatFloat(edge, 'f', -1, 64)), "%s %v", d.Name, edge)
		}
	}
}
