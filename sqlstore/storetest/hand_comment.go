package storetest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

const (
	commentLong  = "a comment must have at most 4000 bytes"
	commentPlain = "a comment must be UTF-8 without control characters, but for tabs and ends of lines"
)

// commentPlaces are the statements that write a comment, which is %s.
func commentPlaces() []string {
	return []string{
		"INSERT INTO link (id, comment) VALUES (90, '%s')",
		"UPDATE link SET comment = '%s' WHERE id = 1",
		"INSERT INTO subnet (id, link_id, prefix, comment) VALUES (90, 4, '198.51.100.0/24', '%s')",
		"UPDATE subnet SET comment = '%s' WHERE id = 10",
		"INSERT INTO pool (id, subnet_id, kind, first_addr, last_addr, delegated_len, comment) VALUES (900, 11, 1, '192.0.2.200', '192.0.2.201', 32, '%s')",
		"UPDATE pool SET comment = '%s' WHERE id = 201",
		"INSERT INTO option_data (scope, family, code, data, comment) VALUES ('global', 4, 15, 'data', '%s')",
		"UPDATE option_data SET comment = '%s' WHERE scope = 'subnet'",
		"INSERT INTO parameter (scope, name, value, comment) VALUES ('global', 'renew_timer', '60', '%s')",
		"UPDATE parameter SET comment = '%s' WHERE scope = 'global'",
		"INSERT INTO tsig_key (name, algorithm, secret, comment) VALUES ('hand', 'hmac-sha1', '" + firstSecret + "', '%s')",
		"UPDATE tsig_key SET comment = '%s' WHERE name = 'a_key'",
		"INSERT INTO dns_zone (name, comment) VALUES ('z.example.org', '%s')",
		"UPDATE dns_zone SET comment = '%s' WHERE name = 'example.org'",
		"INSERT INTO vrf (id, comment) VALUES (8, '%s')",
		"UPDATE vrf SET comment = '%s' WHERE id = 7",
		"UPDATE config_head SET comment = '%s'",
		"UPDATE config_head SET change_comment = '%s'",
	}
}

// refusedComments are comments that a document may not have either.
func refusedComments() []refusal {
	var out []refusal
	for _, place := range commentPlaces() {
		for _, text := range []string{strings.Repeat("x", sqlstore.MaxComment+1), strings.Repeat("é", sqlstore.MaxComment/2+1)} {
			out = append(out, refusal{fmt.Sprintf(place, text), commentLong})
		}
		for _, text := range []string{"one\r\ntwo", "\x1b[31m"} {
			out = append(out, refusal{fmt.Sprintf(place, text), commentPlain})
		}
	}
	for _, r := range "\x01\x08\x0b\x0c\x1f\x7f\u0080\u0085\u009f\u2028\u2029" {
		out = append(out, refusal{fmt.Sprintf("UPDATE link SET comment = 'é%cz'", r), commentPlain})
	}
	return out
}

// A comment that a document may have may be written, and no other.
func handComment(t *testing.T, h *hand) {
	h.apply(t, handSite())
	for _, text := range []string{
		strings.Repeat("x", sqlstore.MaxComment), strings.Repeat("é", sqlstore.MaxComment/2), "one\n\ttwo\n", " blanks ", "\u00a0\u2027\u202a\ufeff", "~ 🔒 界",
	} {
		for _, place := range commentPlaces() {
			if strings.HasPrefix(place, "UPDATE") {
				h.does(t, fmt.Sprintf(place, text))
			}
		}
		cfg := h.load(t)
		require.Empty(t, sqlstore.Check(cfg), "%.40q", text)
		require.Equal(t, text, cfg.Comment)
		h.gather(t, nil)
		require.Equal(t, text, h.newestRevision(t).Comment)
	}
	for _, text := range []string{"\x00", "nul \x00 inside", "\xff", "a\xe2\x80", "\x80", "é\xc0\x80"} {
		require.Error(t, h.write(t, "link", "comment", "id = 1", text), "%q", text)
	}
}
