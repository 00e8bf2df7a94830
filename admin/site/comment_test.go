package site_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/admin/site"
	"rowlock/sqlstore"
)

const commented = `# yaml-language-server: $schema=site.schema.json
# The network of the town.

# Second part.
parameters: # these are lost
  # asked for by the north
  #
  #   since May
  valid_lifetime: 3600 # an hour
  renew_timer: 900   # a quarter
                     # of it
option_data:
  # resolvers
  - {name: domain-name-servers, data: 192.0.2.53} # two of them
tsig_keys:
  - {name: k, secret: c2VjcmV0c2VjcmV0c2VjcmV0} # the key
dns_zones: [{name: example.org, servers: [{address: 192.0.2.53}]}] # the zone
vrfs:
  # the other plan
  - vrf: 7
    relays: [192.0.2.1]
shared_networks:
  # north
  - name: north
    subnets:
      # first
      - subnet: 192.0.2.0/25 # half
        # lost: below is no object
        id: 4 # lost too
        pools:
          - pool: 192.0.2.10 - 192.0.2.20 # the pool
          # second pool
          -
            pool: 192.0.2.30 - 192.0.2.40

          # lost: a line is between

          - pool: 192.0.2.50 - 192.0.2.60
      - {subnet: 192.0.2.128/25, pools: [{pool: 192.0.2.130 - 192.0.2.140}, {pool: 192.0.2.150 - 192.0.2.160}]} # whole
subnets:
  - subnet: 2001:db8::/64
    comment: |
      by its key
      # no remark
    pools: [{pool: "2001:db8::1 - 2001:db8::2"}, {pool: "2001:db8::11 - 2001:db8::12"}] # lost: whose?
    pd_pools: [{prefix: 2001:db8:8000::/33, delegated_len: 56}] # the prefixes
# lost: the end
`

func TestCommentsStayWithTheirObject(t *testing.T) {
	var notes []site.Note
	c, err := site.Parse("site.yaml", []byte(commented), site.Notes(&notes))
	require.NoError(t, err)
	require.Equal(t, "The network of the town.\n\nSecond part.", c.Comment)
	require.Equal(t, sqlstore.Notes{"valid_lifetime": "asked for by the north\n\n  since May\nan hour", "renew_timer": "a quarter\nof it"}, c.Notes)
	require.Equal(t, "resolvers\ntwo of them", c.Options[0].Comment)
	require.Equal(t, "the key", c.TSIGKeys[0].Comment)
	require.Equal(t, "the zone", c.Zones[0].Comment)
	require.Equal(t, "the other plan", c.VRFs[0].Comment)
	north := c.Links[0]
	require.Equal(t, "north", north.Comment)
	require.Equal(t, []string{"first\nhalf", "whole", "by its key\n# no remark"},
		[]string{north.Subnets[0].Comment, north.Subnets[1].Comment, c.Links[1].Subnets[0].Comment})
	var pools []string
	for _, s := range append(north.Subnets, c.Links[1].Subnets[0]) {
		for _, p := range s.Pools {
			pools = append(pools, p.Comment)
		}
	}
	require.Equal(t, []string{"the pool", "second pool", "", "", "", "", "", "the prefixes"}, pools)
	var lines []int
	for _, n := range notes {
		require.Equal(t, "this comment is not kept", n.Text)
		lines = append(lines, n.Line)
	}
	require.Equal(t, []int{5, 28, 29, 36, 45, 47}, lines)
	require.Equal(t, "site.yaml:5: this comment is not kept", notes[0].String())
}

func TestCommentsWithOtherLineEnds(t *testing.T) {
	const text = "# head\n\nsubnets:\n  # one\n  # two\n  - subnet: 192.0.2.0/24 # three\n    pool: 1\n"
	for name, end := range map[string]string{"unix": "\n", "dos": "\r\n", "old": "\r"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var other []byte
			for _, b := range []byte(text) {
				if b == '\n' {
					other = append(other, end...)
				} else {
					other = append(other, b)
				}
			}
			_, err := site.Parse("site.yaml", other)
			require.ErrorContains(t, err, "site.yaml:7:5: subnet 192.0.2.0/24: unknown key")
			c, err := site.Parse("site.yaml", other[:len(other)-len(end)-len("    pool: 1")])
			require.NoError(t, err)
			require.Equal(t, "head", c.Comment)
			require.Equal(t, "one\ntwo\nthree", c.Links[0].Subnets[0].Comment)
		})
	}
}

func TestParameterWithAComment(t *testing.T) {
	c, err := site.Parse("site.yaml", []byte(`{"parameters": {"valid_lifetime": {"value": 600, "comment": "short"}, "renew_timer": {"value": "60"}}}`))
	require.NoError(t, err)
	require.Equal(t, sqlstore.Parameters{"valid_lifetime": "600", "renew_timer": "60"}, c.Parameters)
	require.Equal(t, sqlstore.Notes{"valid_lifetime": "short"}, c.Notes)
	out, err := site.ToJSON([]byte("# head\n\nparameters:\n  valid_lifetime: 600 # short\n"))
	require.NoError(t, err)
	require.JSONEq(t, `{"comment": "head", "parameters": {"valid_lifetime": {"value": 600, "comment": "short"}}}`, string(out))
}

func TestToJSONRefusesTwoComments(t *testing.T) {
	_, err := site.ToJSON([]byte("# head\n\ncomment: other\n"))
	require.EqualError(t, err, "document:1:1: an object must have one comment: the key comment, or what begins with #: both")
}

// Many lines of comments are collected, not copied for each one.
func TestCommentsOfManyLines(t *testing.T) {
	bytes := func(document string) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := site.ToJSON([]byte(document))
		runtime.ReadMemStats(&after)
		require.NoError(t, err)
		return after.TotalAlloc - before.TotalAlloc
	}
	for name, line := range map[string]string{"one": "# a line of text\n", "several": "# a line of text\n\n"} {
		few, many := bytes(strings.Repeat(line, 2000)+"\n{}\n"), bytes(strings.Repeat(line, 20000)+"\n{}\n")
		require.Less(t, many, 20*few, name)
	}
}

func TestCommentThatIsTooLong(t *testing.T) {
	_, err := site.Parse("site.yaml", []byte(strings.Repeat("# 345678\n", 1000)+"\nvrfs: []\n"))
	require.ErrorContains(t, err, "a comment must have at most 4000 bytes: 6999 bytes")
}

// The line for editors may stand above a document that has a comment of its own.
func TestLineForEditorsIsNoComment(t *testing.T) {
	for text, want := range map[string]string{
		"# yaml-language-server: $schema=a.json\n\ncomment: town\n": "town",
		"# yaml-language-server: $schema=a.json\ncomment: town\n":   "town",
		"#yaml-language-server: $schema=a.json\n{}\n":               "",
		"# a\n#   yaml-language-server: b\n# c\n\nvrfs: []\n":       "a\nc",
	} {
		var notes []site.Note
		c, err := site.Parse("site.yaml", []byte(text), site.Notes(&notes))
		require.NoError(t, err, text)
		require.Equal(t, want, c.Comment, text)
		require.Empty(t, notes, text)
	}
}

// A comment that cannot stand behind # is exported by its key.
func TestExportOfCommentsByKey(t *testing.T) {
	for _, text := range []string{"\ufeff", "a\ufeff\n\tb \"c\" #", "a\nyaml-language-server: $schema=x\n\nb", "  yaml-language-server:"} {
		c := said(text)
		out, err := site.Export(c)
		require.NoError(t, err)
		require.Contains(t, string(out), "comment: \"")
		again, err := site.Parse("export.yaml", out)
		require.NoError(t, err, string(out))
		require.Equal(t, c, again, string(out))
		asJSON, err := site.ToJSON(out)
		require.NoError(t, err)
		again, err = site.Parse("export.json", asJSON)
		require.NoError(t, err)
		require.Equal(t, c, again, string(asJSON))
	}
	out, err := site.Export(&sqlstore.Config{Comment: "\ufeff"})
	require.NoError(t, err)
	require.Equal(t, "comment: \"\\ufeff\"\n", string(out))
}

// A secret that was taken out of use by # does not become a comment.
func TestCommentsHaveNoSecrets(t *testing.T) {
	const document = `# the keys
# old: {name: k, secret: Zm9yZ290dGVuIGZvcmdvdHRlbg==}

tsig_keys:
  # rotated in May
  # secret: "Zm9yZ290dGVuIGZvcmdvdHRlbg=="
  - name: k
    secret: c2VjcmV0c2VjcmV0c2VjcmV0
  - {name: l, secret: c2VjcmV0c2VjcmV0c2VjcmV0, comment: "secret = Zm9yZ290dGVuIGZvcmdvdHRlbg=="}
  - {name: m, secret: c2VjcmV0c2VjcmV0c2VjcmV0} # secret "Zm9yZ290dGVuIGZvcmdvdHRlbg==";
  # no secret: it is in a file
  - {name: n, secret: c2VjcmV0c2VjcmV0c2VjcmV0}
`
	var notes []site.Note
	c, err := site.Parse("site.yaml", []byte(document), site.Notes(&notes))
	require.NoError(t, err)
	require.Equal(t, "the keys", c.Comment)
	require.Equal(t, []string{"rotated in May", "", "", "no secret: it is in a file"},
		[]string{c.TSIGKeys[0].Comment, c.TSIGKeys[1].Comment, c.TSIGKeys[2].Comment, c.TSIGKeys[3].Comment})
	var lines []int
	for _, n := range notes {
		require.Equal(t, "a line of this comment is not kept: it seems to have a secret", n.Text)
		lines = append(lines, n.Line)
	}
	require.Equal(t, []int{2, 6, 10, 9}, lines)
	asJSON, err := site.ToJSON([]byte("# secret: Zm9yZ290dGVuIGZvcmdvdHRlbg==\n\n{}\n"))
	require.NoError(t, err)
	require.JSONEq(t, "{}", string(asJSON))
}
