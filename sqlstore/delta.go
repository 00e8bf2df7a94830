package sqlstore

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
)

// delta is what a revision changed, as config_revision keeps it: gzip of JSON.
// Links are the unit, with all that is in them.
type delta struct {
	Base   int64            `json:"base,omitempty"`   // the revision that it changed
	Global *Config          `json:"global,omitempty"` // without links; nil: as before
	Links  map[uint32]*Link `json:"links,omitempty"`  // by id; nil: removed
}

// deltaOf compares two configurations whose ids are filled in; of nil it is all
// of next.
func deltaOf(old, next *Config) delta {
	d := delta{Links: map[uint32]*Link{}}
	if old == nil || !reflect.DeepEqual(globalOf(normal(old)), globalOf(normal(next))) {
		d.Global = globalOf(next)
	}
	if old == nil {
		old = &Config{}
	}
	was := map[uint32]*Link{}
	for _, l := range old.Links {
		was[l.ID] = l
	}
	for _, l := range next.Links {
		o := was[l.ID]
		delete(was, l.ID)
		if o != l && (o == nil || !reflect.DeepEqual(normalLink(o), normalLink(l))) {
			d.Links[l.ID] = l
		}
	}
	for id := range was {
		d.Links[id] = nil
	}
	return d
}

func (d delta) ids() []uint32 { return slices.Sorted(maps.Keys(d.Links)) }

// globalOf returns what a configuration has outside of links.
func globalOf(c *Config) *Config {
	g := *c
	g.Revision, g.Links = 0, nil
	return &g
}

func (d delta) encode() ([]byte, error) {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if err := json.NewEncoder(z).Encode(d); err != nil {
		return nil, fmt.Errorf("encode revision: %w", err)
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("encode revision: %w", err)
	}
	return out.Bytes(), nil
}

// maxContent bounds what a content may unpack to: it is a row of a table that
// somebody may have written.
const maxContent = 1 << 30

func decodeDelta(data []byte) (d delta, err error) {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err == nil {
		err = json.NewDecoder(io.LimitReader(z, maxContent)).Decode(&d)
	}
	if err != nil {
		return d, fmt.Errorf("content of a revision: %w: %w", ErrData, err)
	}
	return d, nil
}

// contentAt builds the configuration of a revision that is described. That of
// revision 0 is empty.
func contentAt(tx ConfigTx, revision int64) (*Config, error) {
	parts, err := tx.Contents(revision)
	if err != nil {
		return nil, err
	}
	if revision == 0 && len(parts) == 0 {
		return &Config{}, nil
	}
	if len(parts) == 0 || parts[len(parts)-1].Revision != revision {
		return nil, fmt.Errorf("revision %d has no content: %w", revision, ErrNotFound)
	}
	out, links := &Config{}, map[uint32]*Link{}
	for i, p := range parts {
		d, err := decodeDelta(p.Data)
		if err != nil {
			return nil, fmt.Errorf("revision %d: %w", p.Revision, err)
		}
		if i > 0 && !p.Full && d.Base != parts[i-1].Revision {
			return nil, fmt.Errorf("revision %d is made from %d, which is gone: %w", p.Revision, d.Base, ErrNotFound)
		}
		if d.Global != nil {
			out = d.Global
		}
		for id, l := range d.Links {
			if l == nil {
				delete(links, id)
			} else {
				links[id] = l
			}
		}
	}
	out.Revision = revision
	out.Links = slices.SortedFunc(maps.Values(links), func(x, y *Link) int { return cmp.Compare(x.ID, y.ID) })
	return out, nil
}

// WithLinks returns known with the links of part in the place of those with the
// given ids, and all that is outside of links from part. Ids without a link in
// part were removed. Links that are not named are shared with known.
func (known *Config) WithLinks(part *Config, ids []uint32) *Config {
	out := *part
	out.Links = slices.Clone(part.Links)
	changed := map[uint32]bool{}
	for _, id := range ids {
		changed[id] = true
	}
	for _, l := range known.Links {
		if !changed[l.ID] {
			out.Links = append(out.Links, l)
		}
	}
	slices.SortFunc(out.Links, func(x, y *Link) int { return cmp.Compare(x.ID, y.ID) })
	return &out
}
