package site_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/admin/site"
)

// What would take the parser a long time, much memory or the whole process is
// refused before it begins.
func TestParseLimits(t *testing.T) {
	const many, deep = 1 << 17, 1 << 20 // with fewer tags the parser comes back
	for name, tc := range map[string]struct{ text, want string }{
		"brackets":          {strings.Repeat("[", many), "nested deeper than 32"},
		"closed brackets":   {strings.Repeat("]", many) + strings.Repeat("[", many), "nested deeper than 32"},
		"list entries":      {strings.Repeat("- ", many), "nested deeper than 32"},
		"indentation":       {indented(40), "nested deeper than 32"},
		"flow mappings":     {strings.Repeat("{a: ", 100) + strings.Repeat("}", 100), "nested deeper than 32"},
		"size":              {strings.Repeat(" ", site.MaxSize+1), "a document must not be larger than"},
		"tags":              {strings.Repeat("!!x ", deep), "YAML anchors"},
		"anchors":           {strings.Repeat("&a ", many), "YAML anchors"},
		"aliases":           {strings.Repeat("*a ", many), "YAML anchors"},
		"merge keys":        {strings.Repeat("<<: {}\n", many/8), "YAML anchors"},
		"key markers":       {strings.Repeat("? ", many), "YAML anchors"},
		"directives":        {strings.Repeat("%a b\n", many/8), "YAML anchors"},
		"documents":         {strings.Repeat("a\n---\n", many/8), "one document only"},
		"ends of documents": {strings.Repeat("a\n...\n", many/8), "one document only"},
		"same column":       {strings.Repeat("a:\n-\n", many/8), "site.yaml:3:1: what belongs to a dash must be to the right of it"},
		"keys of a mapping": {keysOfMapping(many / 8), "a mapping must not have more than 1000 keys"},
		"keys in a list":    {"[" + strings.Repeat("a: {}\n", many/8) + "]", "must have commas between"},
		"dashes in a list":  {"[" + strings.Repeat("- a\n", many/8) + "]", "must have commas, not dashes"},
		"colons":            {strings.Repeat("a: ", many), "mapping value is not allowed in this context"},
		"empty keys":        {strings.Repeat(": ", many), "unexpected key name"},
		"empty entries":     {"subnets:\n" + strings.Repeat("-\n", 2*many), "without a value"},
		"empty values":      {"subnets:\n" + strings.Repeat("- a:\n", many), "without a value"},
		"flow keys":         {"{" + strings.Repeat("a,", 2*many) + "}", "without a value"},
		"flow colons":       {"{" + strings.Repeat("a:,", many) + "}", "without a value"},
		"long key":          {strings.Repeat("k", 65) + ": 1", "site.yaml:1:1: a key must not be longer than 64 bytes: 65 bytes"},
		"long paths":        {strings.Repeat("{"+strings.Repeat("k", 64)+": ", 31) + "[" + strings.Repeat("1,", deep+deep/8), "shorter keys"},
		"key of a block":    {"|\n a\n: 1", "a key must be on one line"},
		"tabs":              {`{"a": "` + strings.Repeat("\t", many) + `"}`, "a long line must not have many tabs"},
		"marks":             {strings.Repeat("<", many), "a line must not have a long row of <"},
		"empty lines":       {"comment: |\n  a" + strings.Repeat("\n", many) + "vrfs: []\n", "so many empty lines in a row"},
		"numbers":           {"subnets: [" + strings.Repeat("1,", 6*deep) + "1]", "more than 5500000 words and signs"},
		"quotes":            {"subnets: [" + strings.Repeat(`""`, 6*deep) + "]", "more than 5500000 words and signs"},
		"comments":          {strings.Repeat("#\n", 6*deep), "more than 5500000 words and signs"},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			_, err := site.Parse("site.yaml", []byte(tc.text))
			require.ErrorContains(t, err, tc.want)
			require.Len(t, site.Problems(err), 1)
			require.Less(t, time.Since(start), 20*time.Second)
		})
	}
}

func indented(depth int) string {
	var b strings.Builder
	for i := range depth {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String() + strings.Repeat(" ", depth) + "b: 1\n"
}

func keysOfMapping(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "a%d: 1\n", i)
	}
	return b.String()
}

// A document of many subnets is no such thing.
func TestParseOfALargeDocument(t *testing.T) {
	var yaml, compact strings.Builder
	yaml.WriteString("subnets:\n")
	compact.WriteString(`{"subnets":[`)
	const n = 5000
	for i := range n {
		net := fmt.Sprintf("10.%d.%d", i/256, i%256)
		fmt.Fprintf(&yaml, "  # number %d\n  - subnet: %s.0/24\n    interface_id:\n    relay: [%s.1]\n    pools:\n      - {pool: \"%s.10 - %s.99\"}\n", i, net, net, net, net)
		fmt.Fprintf(&compact, `{"subnet":"%s.0/24","relay":["%s.1"],"pools":[{"pool":"%s.10-%s.99"}]},`, net, net, net, net)
	}
	for name, text := range map[string]string{"YAML": yaml.String(), "JSON": strings.TrimSuffix(compact.String(), ",") + "]}"} {
		c, err := site.Parse("site", []byte(text))
		require.NoError(t, err, name)
		require.Len(t, c.Links, n, name)
	}
}

// Reading ends at the first thousand mistakes.
func TestParseOfManyMistakes(t *testing.T) {
	for name, text := range map[string]string{
		"values":     "subnets: [" + strings.Repeat("1,", 50000) + "1]",
		"objects":    "vrfs: [" + strings.Repeat("{},", 50000) + "{}]",
		"keys":       "subnets: [{" + flowKeys(20000) + "}]",
		"parameters": "parameters: {" + strings.ReplaceAll(flowKeys(20000), ": 1", ": []") + "}",
		"rules":      "vrfs: [" + strings.Repeat("{vrf: 1},", 10000) + "{vrf: 1}]",
		"comments":   "# a\nvrfs:\n" + strings.Repeat("  # b\n  - {vrf: 1, comment: c}\n", 5000),
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := site.Parse("site.yaml", []byte(text))
			runtime.ReadMemStats(&after)
			all := site.Problems(err)
			require.Len(t, all, site.MaxProblems+1)
			require.Equal(t, "site.yaml: there are more mistakes than these 1000", all[site.MaxProblems].Error())
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(2000*len(text)))
		})
	}
}

func flowKeys(n int) string { return strings.ReplaceAll(keysOfMapping(n), "\n", ", ") }

func TestNotesOfManyComments(t *testing.T) {
	var notes []site.Note
	_, err := site.Parse("site.yaml", []byte("vrfs: []\n"+strings.Repeat("# lost\n\n", 5000)), site.Notes(&notes))
	require.NoError(t, err)
	require.Len(t, notes, site.MaxProblems)
}
