package site_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/admin/site"
)

// A selector that no packet can come to is told, but no mistake.
func TestNotesOfSelectorsInOtherVRFs(t *testing.T) {
	const document = `vrfs:
  - {vrf: 7, relays: [10.0.0.1]}
  - {vrf: 9, interfaces: [eth9]}
shared_networks:
  - name: north
    vrf: 8
    subnets:
      - subnet: 10.1.0.0/24
        interface: eth1
      - subnet: 10.2.0.0/24
        interface: eth9
subnets:
  - subnet: 10.3.0.0/24
    vrf: 7
    relay: [10.0.0.1]
  - subnet: 10.4.0.0/24
    relay:
      - 10.0.0.2
      - 10.0.0.1
  - {subnet: 10.5.0.0/24, vrf: 9, relay: [10.0.0.1]}
`
	var notes []site.Note
	_, err := site.Parse("site.yaml", []byte(document), site.Notes(&notes))
	require.NoError(t, err)
	var texts []string
	for _, n := range notes {
		texts = append(texts, n.String())
	}
	require.Equal(t, []string{
		"site.yaml:11: subnet 10.2.0.0/24: interface eth9 never selects it, its packets belong to vrf 9",
		"site.yaml:19: subnet 10.4.0.0/24: relay 10.0.0.1 never selects it, its packets belong to vrf 7",
	}, texts, "what comes by an interface of vrf 9 may come from any relay")
}
