package sqlstore

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// A revision is made from the one before it, and from nothing else.
func TestContents(t *testing.T) {
	m := newMemory()
	config := func(n int) *Config {
		c := &Config{}
		for i := range 9 {
			c.Links = append(c.Links, &Link{ID: uint32(i + 1), Name: fmt.Sprint("link", i)})
		}
		c.Links[0].Comment = fmt.Sprint("change ", n)
		return c
	}
	full := 0
	for n := range 2 * fullEvery {
		m.apply(t, config(n))
	}
	for i, r := range m.rows {
		c, err := ConfigIn(m, r.Number)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint("change ", i), c.Links[0].Comment)
		require.Len(t, c.Links, 9)
		if r.Content.Full {
			full++
		}
	}
	require.Equal(t, 2, full)

	newest := m.head.Revision
	m.rows = slices.Delete(m.rows, len(m.rows)-2, len(m.rows)-1)
	_, err := ConfigIn(m, newest-1)
	require.ErrorIs(t, err, ErrNotFound, "deleted")
	_, err = ConfigIn(m, newest)
	require.ErrorIs(t, err, ErrNotFound, "what it was made from is gone")
	for _, rev := range []int64{-1, newest + 1} {
		_, err = ConfigIn(m, rev)
		require.ErrorIs(t, err, ErrNotFound)
	}

	m.authors = []string{"one", "two"}
	m.byHand(func(c *Config) { c.Comment = "by hand" })
	_, changed, err := GatherIn(m, nil)
	require.NoError(t, err, "described all the same")
	require.True(t, changed)
	last := m.rows[len(m.rows)-1]
	require.True(t, last.Content.Full)
	require.Equal(t, "one, two", last.Author)
	require.Empty(t, last.Links, "triggers have seen to it")
	c, err := ConfigIn(m, m.head.Revision)
	require.NoError(t, err)
	require.Equal(t, "by hand", c.Comment)
	_, changed, err = GatherIn(m, nil)
	require.NoError(t, err)
	require.False(t, changed)

	// also when the newest revision of a document lost its content
	m.rows = nil
	m.apply(t, config(1000))
	c, err = ConfigIn(m, m.head.Revision)
	require.NoError(t, err)
	require.Equal(t, "change 1000", c.Links[0].Comment)
}

func TestContentThatIsNone(t *testing.T) {
	_, err := decodeDelta([]byte("no gzip"))
	require.ErrorIs(t, err, ErrData)
}

func TestWithLinks(t *testing.T) {
	a, b, c := &Link{ID: 1}, &Link{ID: 2}, &Link{ID: 3}
	known := &Config{Revision: 1, Links: []*Link{a, b, c}}
	fresh, other := &Link{ID: 2, Comment: "new"}, &Link{ID: 4}
	got := known.WithLinks(&Config{Revision: 2, Comment: "global", Links: []*Link{fresh, other}}, []uint32{1, 2, 4})
	require.Equal(t, &Config{Revision: 2, Comment: "global", Links: []*Link{fresh, c, other}}, got)
	require.Same(t, c, got.Links[1])
	require.Len(t, known.Links, 3)
}
