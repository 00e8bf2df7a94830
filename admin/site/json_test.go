package site_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"rowlock/admin/site"
)

func TestToJSON(t *testing.T) {
	out, err := site.ToJSON([]byte("a: 12\nb: [true, \"12\", 0x10, .inf]\nc: {}\nd:\n\"e<\\\"\": text\n"))
	require.NoError(t, err)
	require.True(t, json.Valid(out), string(out))
	require.JSONEq(t, `{"a": 12, "b": [true, "12", "0x10", ".inf"], "c": {}, "d": null, "e<\"": "text"}`, string(out))
	_, err = site.ToJSON([]byte("a: &x 1"))
	require.Error(t, err)
}

// The JSON of a document says what the document says.
func TestToJSONMeansTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		document, err := site.Export(configs().Draw(t, "config"))
		require.NoError(t, err)
		want, err := site.Parse("yaml", document)
		require.NoError(t, err)
		text, err := site.ToJSON(document)
		require.NoError(t, err)
		got, err := site.Parse("json", text)
		require.NoError(t, err)
		require.Equal(t, want, got)
	})
}
