package frontend

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/insomniacslk/dhcp/iana"
	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// lease6 is an address or prefix of a reply with its lifetimes in seconds.
type lease6 struct {
	prefix           string
	preferred, valid int
}

// leases6 returns what the IA_NA and IA_PD options of a reply hold, in order.
func leases6(m *dhcpv6.Message) (all [][]lease6) {
	for _, o := range m.Options.Options {
		switch ia := o.(type) {
		case *dhcpv6.OptIANA:
			list := []lease6{}
			for _, a := range ia.Options.Addresses() {
				list = append(list, lease6{a.IPv6Addr.String(), int(a.PreferredLifetime / time.Second), int(a.ValidLifetime / time.Second)})
			}
			all = append(all, list)
		case *dhcpv6.OptIAPD:
			list := []lease6{}
			for _, p := range ia.Options.Prefixes() {
				list = append(list, lease6{p.Prefix.String(), int(p.PreferredLifetime / time.Second), int(p.ValidLifetime / time.Second)})
			}
			all = append(all, list)
		}
	}
	return all
}

// statuses6 returns the status codes of the reply's IAs, in order.
func statuses6(m *dhcpv6.Message) (all []iana.StatusCode) {
	for _, o := range m.Options.Options {
		switch ia := o.(type) {
		case *dhcpv6.OptIANA:
			all = append(all, status6Of(ia.Options.Options))
		case *dhcpv6.OptIAPD:
			all = append(all, status6Of(ia.Options.Options))
		case *dhcpv6.OptIATA:
			all = append(all, status6Of(ia.Options.Options))
		}
	}
	return all
}

func request6Of(kind dhcpv6.MessageType, ias ...[]byte) []byte {
	return msg6(kind, append([][]byte{clientID6(), serverID6()}, ias...)...)
}

func TestRFC9915Section18_3_1Solicit(t *testing.T) {
	t.Parallel()
	b := newBench6(t)
	m := b.answer(t, msg6(dhcpv6.MessageTypeSolicit, clientID6(), na6(1, "2001:db8:1::1005"), pd6(2, "2001:db8:100:300::/56"), opt6(dhcpv6.OptionRapidCommit)))
	require.Equal(t, dhcpv6.MessageTypeAdvertise, m.MessageType, "rapid commit is off here")
	require.Equal(t, clientDUID6, m.Options.ClientID().ToBytes())
	require.Equal(t, serverDUID6, m.Options.ServerID().ToBytes())
	require.Nil(t, m.GetOneOption(dhcpv6.OptionRapidCommit))
	require.Equal(t, [][]lease6{{{"2001:db8:1::1005", 4500, 7200}}, {{"2001:db8:100:300::/56", 4500, 7200}}}, leases6(m))

	items := b.leaser.items()
	require.Len(t, items, 2)
	require.Equal(t, sqlstore.OpOffer, items[0].Op)
	require.Equal(t, sqlstore.IAKey(1, sqlstore.KeyDUID, clientDUID6, 1, sqlstore.NA, 0), items[0].Key)
	require.Equal(t, []sqlstore.Key{sqlstore.IAKey(9, sqlstore.KeyDUID, clientDUID6, 1, sqlstore.NA, 0)}, items[0].Former)
	require.Equal(t, sqlstore.IAKey(1, sqlstore.KeyDUID, clientDUID6, 2, sqlstore.PD, 0), items[1].Key)
	require.Equal(t, uint8(56), items[1].WantLen)
	require.Equal(t, "2001:db8:100:300::", items[1].Want.String())
	require.Equal(t, uint32(60), items[0].OfferLft)
	require.Equal(t, int64(5), b.leaser.requests[0].Revision)
	require.Equal(t, sqlstore.IPv6, b.leaser.requests[0].Family)
}

// lone6 is a message through a relay into the subnet with rapid commit.
func lone6(inner []byte) []byte {
	return relay6Msg(0, "2001:db8:3::1", "fe80::9", inner)
}

func (b *bench6) relayAnswer(t *testing.T, data []byte) *dhcpv6.Message {
	t.Helper()
	_, msg, err := b.run(b.relayed(data))
	require.NoError(t, err)
	inner, err := msg.GetInnerMessage()
	require.NoError(t, err)
	return inner
}

func TestRFC9915Section18_3_1RapidCommit(t *testing.T) {
	t.Parallel()
	b := newBench6(t)
	rapid := opt6(dhcpv6.OptionRapidCommit)
	m := b.relayAnswer(t, lone6(msg6(dhcpv6.MessageTypeSolicit, clientID6(), na6(1), rapid)))
	require.Equal(t, dhcpv6.MessageTypeReply, m.MessageType)
	require.NotNil(t, m.GetOneOption(dhcpv6.OptionRapidCommit))
	require.Equal(t, sqlstore.OpAssign, b.leaser.items()[0].Op)
	require.Nil(t, m.GetOneOption(dhcpv6.OptionPreference), "belongs to an Advertise")

	m = b.relayAnswer(t, lone6(msg6(dhcpv6.MessageTypeSolicit, clientID6(), na6(1))))
	require.Equal(t, dhcpv6.MessageTypeAdvertise, m.MessageType, "the client did not ask for it")
	require.Equal(t, uint8(7), m.Options.Preference())

	b.leaser.decide = say6(sqlstore.Result{Code: sqlstore.Exhausted})
	m = b.relayAnswer(t, lone6(msg6(dhcpv6.MessageTypeSolicit, clientID6(), na6(1), rapid)))
	require.Equal(t, dhcpv6.MessageTypeAdvertise, m.MessageType, "nothing was committed")
	require.Nil(t, m.GetOneOption(dhcpv6.OptionRapidCommit))
	require.Equal(t, []iana.StatusCode{iana.StatusNoAddrsAvail}, statuses6(m))
}

func TestRFC9915Section18_3_9AdvertiseWithoutLeases(t *testing.T) {
	t.Parallel()
	b := newBench6(t)
	b.leaser.decide = say6(sqlstore.Result{Code: sqlstore.Exhausted}, sqlstore.Result{Code: sqlstore.Exhausted})
	m := b.answer(t, msg6(dhcpv6.MessageTypeSolicit, clientID6(), na6(1, "2001:db8:1::1001"), pd6(1), opt6(dhcpv6.OptionIATA, u32(3))))
	require.Equal(t, dhcpv6.MessageTypeAdvertise, m.MessageType)
	require.Equal(t, []iana.StatusCode{iana.StatusNoAddrsAvail, iana.StatusNoPrefixAvail, iana.StatusNoAddrsAvail}, statuses6(m))
	require.Equal(t, [][]lease6{{}, {}}, leases6(m))
	require.Zero(t, m.Options.OneIANA().T1)
}

// An offer shows the lifetimes that a REQUEST will get, not those of the row.
func TestAdvertiseOfKnownClient(t *testing.T) {
	t.Parallel()
	b := newBench6(t)
	addr := netip.MustParseAddr("2001:db8:1::1abc")
	b.leaser.decide = say6(sqlstore.Result{Code: sqlstore.Granted, HasLease: true, Lease: sqlstore.Lease{Addr: addr, PrefixLen: 128, ValidLft: 1, PreferredLft: 1}})
	m := b.answer(t, msg6(dhcpv6.MessageTypeSolicit, clientID6(), na6(1, "2001:db8:1::1001")))
	require.Equal(t, [][]lease6{{{"2001:db8:1::1abc", 4500, 7200}}}, leases6(m))
}

func TestRFC9915Section18_3_2RequestNotOnLink(t *testing.T) {
	t.Parallel()
	b := newBench6(t)
	m := b.answer(t, request6Of(dhcpv6.MessageTypeRequest, na6(1, "2001:db8:77::1"), na6(2, "2001:db8:1::1002")))
	require.Equal(t, dhcpv6.MessageTypeReply, m.MessageType)
	require.Equal(t, []iana.StatusCode{iana.StatusNotOnLink, iana.StatusSuccess}, statuses6(m))
	require.Equal(t, [][]lease6{{}, {{"2001:db8:1::1002", 4500, 7200}}}, leases6(m))
	require.Len(t, b.leaser.items(), 1, "the database is not asked about the other")
	require.Equal(t, uint32(2), b.leaser.items()[0].Client.IAID)
}

// A prefix is never off the link: the database says whether there is one.
func TestRFC9915Section18_3_2RequestOfForeignPrefix(t *testing.T) {
	t.Parallel()
	b := newBench6(t)
	for _, code := range []sqlstore.Code{sqlstore.Exhausted, sqlstore.WrongAddress, sqlstore.NoBinding} {
		b.leaser.decide = say6(sqlstore.Result{Code: code})
		m := b.answer(t, request6Of(dhcpv6.MessageTypeRequest, pd6(1, "2001:db8:7700::/56")))
		require.Equal(t, dhcpv6.MessageTypeReply, m.MessageType)
		require.Equal(t, []iana.StatusCode{iana.StatusNoPrefixAvail}, statuses6(m), code)
		require.Equal(t, [][]lease6{{}}, leases6(m), code)
	}
	b.leaser.decide = nil
	m := b.answer(t, request6Of(dhcpv6.MessageTypeRequest, na6(1, "2001:db8:77::1"), pd6(1, "2001:db8:7700::/56")))
	require.Equal(t, iana.StatusNotOnLink, statuses6(m)[0], "an address is")
	asked := b.leaser.items()
	require.Len(t, asked, 4, "one for each message")
	require.Equal(t, sqlstore.PD, asked[3].Kind)
}

func TestRFC9915Section18_3_2RequestWithNothingLeft(t *testing.T) {
	t.Parallel()
	b := newBench6(t)
	b.leaser.decide = say6(sqlstore.Result{Code: sqlstore.Exhausted}, sqlstore.Result{Code: sqlstore.Exhausted})
	m := b.answer(t, request6Of(dhcpv6.MessageTypeRequest, na6(1, "2001:db8:1::1001"), pd6(1, "2001:db8:100::/56")))
	require.Equal(t, []iana.StatusCode{iana.StatusNoAddrsAvail, iana.StatusNoPrefixAvail}, statuses6(m))
	require.Equal(t, [][]lease6{{}, {}}, leases6(m))
}

// Another address than the one asked for: that one is taken back.
func TestRequestRefusedAddressHasZeroLifetimes(t *testing.T) {
	t.Parallel()
	b := newBench6(t)
	b.leaser.decide = func(r *sqlstore.Request) (*sqlstore.Decision, error) {
		res := grant6(&r.Items[0], netip.MustParseAddr("2001:db8:1::1aaa"))
		res.Refused = r.Items[0].Want
		return &sqlstore.Decision{Revision: r.Revision, Results: []sqlstore.Result{res}}, nil
	}
	m := b.answer(t, request6Of(dhcpv6.MessageTypeRequest, na6(1, "2001:db8:1::1001", "2001:db8:1::1002")))
	require.Equal(t, [][]lease6{{
		{"2001:db8:1::1aaa", 4500, 7200}, {"2001:db8:1::1001", 0, 0}, {"2001:db8:1::1002", 0, 0},
	}}, leases6(m))
}

func TestRFC9915Section18_3_3Confirm(t *testing.T) {
	t.Parallel()
	confirm := func(ias ...[]byte) []byte {
		return msg6(dhcpv6.MessageTypeConfirm, append([][]byte{clientID6()}, ias...)...)
	}
	for _, tt := range []struct {
		name string
		data []byte
		want iana.StatusCode
	}{
		{"on link", confirm(na6(1, "2001:db8:1::5", "2001:db8:1::6"), na6(2)), iana.StatusSuccess},
		{"of a subnet that is closing", confirm(na6(1, "2001:db8:2::5")), iana.StatusSuccess},
		{"one is not on link", confirm(na6(1, "2001:db8:1::5"), na6(2, "2001:db8:3::5")), iana.StatusNotOnLink},
	} {
		b := newBench6(t)
		m := b.answer(t, tt.data)
		require.Equal(t, dhcpv6.MessageTypeReply, m.MessageType, tt.name)
		require.Equal(t, tt.want, status6Of(m.Options.Options), tt.name)
		require.NotNil(t, m.GetOneOption(dhcpv6.OptionStatusCode), tt.name)
		require.Nil(t, m.GetOneOption(dhcpv6.OptionSNTPServerList), tt.name)
		require.Empty(t, b.leaser.items(), tt.name)
		require.Equal(t, tt.want == iana.StatusNotOnLink, len(b.leaser.requests) == 1, "no row is needed to refuse, but the newest configuration")
	}
	b := newBench6(t)
	b.requireDrop(t, b.direct(confirm(na6(1), pd6(1, "2001:db8:100::/56"))), ReasonNoAddress)
}

func TestRFC9915Section18_3_4Renew(t *testing.T) {
	t.Parallel()
	b := newBench6(t)
	b.leaser.decide = func(r *sqlstore.Request) (*sqlstore.Decision, error) {
		return &sqlstore.Decision{Revision: r.Revision, Results: []sqlstore.Result{
			grant6(&r.Items[0], r.Items[0].Want),
			{Code: sqlstore.NoBinding},
			{Code: sqlstore.WrongAddress},
			{Code: sqlstore.NoBinding},
			{Code: sqlstore.Exhausted},
			{Code: sqlstore.Exhausted},
		}}, nil
	}
	m := b.answer(t, request6Of(dhcpv6.MessageTypeRenew, na6(1, "2001:db8:1::1001"), na6(2, "2001:db8:1::1002"),
		na6(3, "2001:db8:77::1", "2001:db8:77::2"), pd6(4, "2001:db8:100::/56"), pd6(5, "2001:db8:100:100::/56"), na6(6)))
	require.Equal(t, []iana.StatusCode{
		iana.StatusSuccess, iana.StatusNoBinding, iana.StatusSuccess, iana.StatusNoBinding, iana.StatusSuccess, iana.StatusNoAddrsAvail,
	}, statuses6(m))
	require.Equal(t, [][]lease6{
		{{"2001:db8:1::1001", 4500, 7200}},
		{},
		{{"2001:db8:77::1", 0, 0}, {"2001:db8:77::2", 0, 0}},
		{},
		{{"2001:db8:100:100::/56", 0, 0}},
		{},
	}, leases6(m))
	require.Equal(t, sqlstore.OpRenew, b.leaser.items()[0].Op)
}

func TestRFC9915Section18_3_5Rebind(t *testing.T) {
	t.Parallel()
	rebind := func(ias ...[]byte) []byte {
		return msg6(dhcpv6.MessageTypeRebind, append([][]byte{clientID6()}, ias...)...)
	}
	none := sqlstore.Result{Code: sqlstore.NoBinding}

	b := newBench6(t)
	b.leaser.decide = say6(none, none)
	m := b.answer(t, rebind(na6(1, "2001:db8:77::1"), pd6(1, "2001:db8:700::/56")))
	require.Equal(t, [][]lease6{{{"2001:db8:77::1", 0, 0}}, {{"2001:db8:700::/56", 0, 0}}}, leases6(m), "not appropriate for the link")

	m = b.answer(t, rebind(na6(1, "2001:db8:1::1001"), pd6(1, "2001:db8:100:100::/56")))
	require.Equal(t, [][]lease6{{{"2001:db8:1::1001", 0, 0}}, {{"2001:db8:100:100::/56", 0, 0}}}, leases6(m), "held by another client")

	_, _, err := b.run(b.direct(rebind(na6(1, "2001:db8:1::5"), pd6(1, "2001:db8:200:100::/56"))))
	require.Equal(t, ReasonNoBinding, reasonOf(err), "appropriate, so another server may have them")

	b.leaser.decide = func(r *sqlstore.Request) (*sqlstore.Decision, error) {
		return &sqlstore.Decision{Results: []sqlstore.Result{grant6(&r.Items[0], r.Items[0].Want), none}}, nil
	}
	m = b.answer(t, rebind(na6(1, "2001:db8:1::1001"), na6(2, "2001:db8:1::5")))
	require.Equal(t, []iana.StatusCode{iana.StatusSuccess, iana.StatusNoBinding}, statuses6(m))
}

func TestRFC9915Section18_3_6InformationRequest(t *testing.T) {
	t.Parallel()
	b := newBench6(t)
	m := b.answer(t, msg6(dhcpv6.MessageTypeInformationRequest, opt6(dhcpv6.OptionORO, u16(23))))
	require.Equal(t, dhcpv6.MessageTypeReply, m.MessageType)
	require.Nil(t, m.Options.ClientID(), "it sent none")
	require.Equal(t, serverDUID6, m.Options.ServerID().ToBytes())
	require.Len(t, m.Options.DNS(), 1)
	require.Nil(t, m.Options.DomainSearchList(), "not asked for")
	require.NotNil(t, m.GetOneOption(dhcpv6.OptionSNTPServerList), "sent always")
	require.Equal(t, 2*time.Hour, m.Options.InformationRefreshTime(0))
	require.Empty(t, b.leaser.requests)
}

func TestRFC9915Section21_23RefreshTimeOnlyWithoutLeases(t *testing.T) {
	t.Parallel()
	b := newBench6(t)
	m := b.answer(t, msg6(dhcpv6.MessageTypeSolicit, clientID6(), na6(1), opt6(dhcpv6.OptionORO, u16(32), u16(24))))
	require.Nil(t, m.GetOneOption(dhcpv6.OptionInformationRefreshTime))
	require.Equal(t, []string{"example.org"}, m.Options.DomainSearchList().Labels)
}

func TestRFC9915Section18_3_7Release(t *testing.T) {
	t.Parallel()
	b := newBench6(t)
	b.leaser.decide = say6(sqlstore.Result{Code: sqlstore.Done}, sqlstore.Result{Code: sqlstore.NoBinding}, sqlstore.Result{Code: sqlstore.WrongAddress})
	m := b.answer(t, request6Of(dhcpv6.MessageTypeRelease, na6(1, "2001:db8:1::1001"), pd6(2, "2001:db8:100::/56"), na6(3, "2001:db8:1::1003"), na6(4)))
	require.Equal(t, dhcpv6.MessageTypeReply, m.MessageType)
	require.NotNil(t, m.GetOneOption(dhcpv6.OptionStatusCode))
	require.Equal(t, iana.StatusSuccess, status6Of(m.Options.Options))
	require.Equal(t, []iana.StatusCode{iana.StatusNoBinding}, statuses6(m))
	require.Equal(t, [4]byte{0, 0, 0, 2}, m.Options.OneIAPD().IaId)
	require.Len(t, b.leaser.items(), 3, "an IA without a lease gives nothing back")
	require.Nil(t, m.GetOneOption(dhcpv6.OptionSNTPServerList))
}

func TestRFC9915Section18_3_8Decline(t *testing.T) {
	t.Parallel()
	b := newBench6(t)
	b.leaser.decide = say6(sqlstore.Result{Code: sqlstore.Done}, sqlstore.Result{Code: sqlstore.NoBinding})
	m := b.answer(t, request6Of(dhcpv6.MessageTypeDecline, na6(1, "2001:db8:1::1001"), na6(2, "2001:db8:1::1002"), pd6(3, "2001:db8:100::/56")))
	require.Equal(t, iana.StatusSuccess, status6Of(m.Options.Options))
	require.Equal(t, []iana.StatusCode{iana.StatusNoBinding}, statuses6(m))
	require.Len(t, b.leaser.items(), 2, "prefixes cannot be declined")
	require.Equal(t, sqlstore.OpDecline, b.leaser.items()[0].Op)
}

func TestRFC9915Section18_3_2SameTimersInAllIAs(t *testing.T) {
	t.Parallel()
	b := newBench6(t)
	b.leaser.decide = func(r *sqlstore.Request) (*sqlstore.Decision, error) {
		long, short := grant6(&r.Items[0], netip.Addr{}), grant6(&r.Items[1], netip.Addr{})
		short.Lease.PreferredLft, short.Lease.ValidLft = 1000, 1600
		return &sqlstore.Decision{Results: []sqlstore.Result{long, short, {Code: sqlstore.Exhausted}}}, nil
	}
	m := b.answer(t, request6Of(dhcpv6.MessageTypeRequest, na6(1), pd6(1), pd6(2)))
	require.Equal(t, 500*time.Second, m.Options.OneIANA().T1)
	require.Equal(t, 800*time.Second, m.Options.OneIANA().T2)
	for _, pd := range m.Options.IAPD() {
		require.Equal(t, []time.Duration{500 * time.Second, 800 * time.Second}, []time.Duration{pd.T1, pd.T2})
	}
}

func TestLifetimes6(t *testing.T) {
	t.Parallel()
	b := newBench6(t)
	ask := func(valid uint32) *dhcpv6.Message {
		addr := opt6(dhcpv6.OptionIAAddr, addr16("2001:db8:3::1001"), u32(1), u32(valid))
		return b.relayAnswer(t, lone6(request6Of(dhcpv6.MessageTypeRequest, opt6(dhcpv6.OptionIANA, u32(1), u32(0), u32(0), addr))))
	}
	for _, tt := range []struct {
		valid             uint32
		want              int
		preferred, t1, t2 int
	}{
		{0, 7200, 3000, 100, 160},
		{86401, 86400, 3000, 100, 160},
		{sqlstore.Infinite, 86400, 3000, 100, 160},
		{20, 600, 600, 100, 160},
	} {
		m := ask(tt.valid)
		require.Equal(t, [][]lease6{{{"2001:db8:3::1001", tt.preferred, tt.want}}}, leases6(m))
		require.Equal(t, time.Duration(tt.t1)*time.Second, m.Options.OneIANA().T1)
		require.Equal(t, time.Duration(tt.t2)*time.Second, m.Options.OneIANA().T2)
	}
}

// Lifetimes and options are those of the subnet that the address is in, not of
// the one that the relay selects.
func TestSubnetOfTheAddressDecides(t *testing.T) {
	t.Parallel()
	b := newBench6(t)
	c := config6()
	c.Revision = 6
	c.Links[0].Subnets = append(c.Links[0].Subnets, &sqlstore.Subnet{
		ID: 4, LinkID: 1, Prefix: netip.MustParsePrefix("2001:db8:4::/64"), Parameters: sqlstore.Parameters{"valid_lifetime": "800"},
		Options: []sqlstore.OptionData{{Family: sqlstore.IPv6, Name: "dns-servers", Data: "2001:db8:4::53"}},
		Pools: []*sqlstore.Pool{
			pool6(41, 4, 1, "2001:db8:4::1000", "2001:db8:4::1fff", 128), pool6(42, 4, 1, "2001:db8:400::", "2001:db8:400:ff00::", 56),
		},
	})
	require.NoError(t, b.SetConfig(c))
	ask := func(ia []byte) *dhcpv6.Message {
		return b.answer(t, request6Of(dhcpv6.MessageTypeRequest, ia, opt6(dhcpv6.OptionORO, u16(23))))
	}
	for _, ia := range [][]byte{na6(1, "2001:db8:4::1001"), pd6(1, "2001:db8:400:100::/56")} {
		m := ask(ia)
		require.Equal(t, 800, leases6(m)[0][0].valid)
		require.Equal(t, "2001:db8:4::53", m.Options.DNS()[0].String())
	}
	m := ask(na6(1, "2001:db8:1::1001"))
	require.Equal(t, 7200, leases6(m)[0][0].valid)
	require.Equal(t, "2001:db8::53", m.Options.DNS()[0].String())
}

// That is so also where the relay selects a subnet that is closing, and only one is
// open.
func TestSubnetOfThePrefixDecidesInOneThatIsClosing(t *testing.T) {
	t.Parallel()
	c := config6()
	closing := c.Links[0].Subnets[1]
	closing.Parameters = sqlstore.Parameters{"valid_lifetime": "800"}
	closing.Options = []sqlstore.OptionData{{Family: sqlstore.IPv6, Name: "dns-servers", Data: "2001:db8:2::53"}}
	b := newBench6Of(t, c)
	for _, ia := range [][]byte{na6(1, "2001:db8:1::1001"), pd6(1, "2001:db8:100:300::/56")} {
		inner := request6Of(dhcpv6.MessageTypeRequest, ia, opt6(dhcpv6.OptionORO, u16(23)))
		m := b.relayAnswer(t, relay6Msg(0, "2001:db8:2::1", "fe80::9", inner))
		require.Equal(t, 7200, leases6(m)[0][0].valid)
		require.Equal(t, "2001:db8::53", m.Options.DNS()[0].String())
	}
}

func TestRFC9915Section21_4Timers(t *testing.T) {
	t.Parallel()
	const inf = sqlstore.Infinite
	for _, tt := range []struct {
		s                settings
		preferred, valid uint32
		t1, t2           uint32
	}{
		{settings{t1: .5, t2: .8}, 1000, 2000, 500, 800},
		{settings{t1: .5, t2: .8}, inf, inf, inf, inf},
		{settings{t1: .9, t2: .8}, 1000, 2000, 800, 800},
		{settings{renew: 3000, rebind: 5000}, 1000, 2000, 2000, 2000},
		{settings{renew: 100, t2: .8}, 1000, 2000, 100, 800},
		{settings{t1: .5, t2: .8}, 1, 2, 0, 0},
	} {
		t1, t2 := tt.s.timers6(tt.preferred, tt.valid)
		require.Equal(t, [2]uint32{tt.t1, tt.t2}, [2]uint32{t1, t2})
	}
	require.Equal(t, uint32(inf), (&settings{}).preferred6(inf))
	require.Equal(t, uint32(2684354558), (&settings{}).preferred6(inf-1))
	require.Equal(t, uint32(100), (&settings{preferred: 300}).preferred6(100), "section 21.6")
}

func TestSelect6(t *testing.T) {
	t.Parallel()
	solicit := msg6(dhcpv6.MessageTypeSolicit, clientID6(), na6(1))
	for _, tt := range []struct {
		name string
		data []byte
		link uint32 // 0: no network
	}{
		{"RFC9915 section 13.1: link-address", relay6Msg(0, "2001:db8:3::1", "fe80::9", solicit), 3},
		{"RFC9915 section 13.1: the relay nearest to the client", relay6Msg(1, "2001:db8:1::1", "fe80::2", relay6Msg(0, "2001:db8:3::1", "fe80::9", solicit)), 3},
		{"RFC6221: inner relay has no link-address", relay6Msg(1, "2001:db8:1::1", "fe80::2", relay6Msg(0, "::", "fe80::9", solicit)), 1},
		{"relay list", relay6Msg(0, "2001:db8:ffff::1", "fe80::9", solicit), 1},
		{"interface-id", relay6Msg(0, "::", "fe80::9", solicit, opt6(dhcpv6.OptionInterfaceID, []byte("port7"))), 3},
		{"nothing matches", relay6Msg(0, "2001:db8:99::1", "fe80::9", solicit), 0},
		{"nothing told", relay6Msg(0, "::", "fe80::9", solicit), 0},
	} {
		b := newBench6(t)
		if tt.link == 0 {
			b.requireDrop(t, b.relayed(tt.data), ReasonNoSubnet)
			continue
		}
		b.relayAnswer(t, tt.data)
		require.Equal(t, tt.link, b.leaser.items()[0].Key.Link(), tt.name)
	}
}

func TestRFC9915Section19_3RelayReply(t *testing.T) {
	t.Parallel()
	b := newBench6(t)
	near := relay6Msg(0, "::", "fe80::9", msg6(dhcpv6.MessageTypeSolicit, clientID6(), na6(1)), opt6(dhcpv6.OptionInterfaceID, []byte("port7")))
	far := relay6Msg(1, "2001:db8:1::1", "fe80::2", near, opt6(dhcpv6.OptionInterfaceID, []byte("trunk")), opt6(dhcpv6.OptionRemoteID, u32(9), []byte("x")))
	o, msg, err := b.run(b.relayed(far))
	require.NoError(t, err)
	require.Equal(t, "[2001:db8:ffff::1]:547", o.to.String(), "not to the port it came from")
	require.Equal(t, "2001:db8::5", o.from.String())
	require.Zero(t, o.ifindex)
	require.Equal(t, "advertise", o.kind)
	outer := msg.(*dhcpv6.RelayMessage)
	require.Equal(t, dhcpv6.MessageTypeRelayReply, outer.MessageType)
	require.Equal(t, []any{uint8(1), "2001:db8:1::1", "fe80::2", "trunk"},
		[]any{outer.HopCount, outer.LinkAddr.String(), outer.PeerAddr.String(), string(outer.Options.InterfaceID())})
	require.Nil(t, outer.GetOneOption(dhcpv6.OptionRemoteID), "is not for the way back")
	inner := outer.Options.RelayMessage().(*dhcpv6.RelayMessage)
	require.Equal(t, []any{uint8(0), "::", "fe80::9", "port7"},
		[]any{inner.HopCount, inner.LinkAddr.String(), inner.PeerAddr.String(), string(inner.Options.InterfaceID())})
	require.Equal(t, dhcpv6.MessageTypeAdvertise, inner.Options.RelayMessage().Type())
}

func TestRFC8357Section5_3RelaySourcePort(t *testing.T) {
	t.Parallel()
	b := newBench6(t)
	solicit := msg6(dhcpv6.MessageTypeSolicit, clientID6(), na6(1))
	o, msg, err := b.run(b.relayed(relay6Msg(0, "2001:db8:1::1", "fe80::9", solicit, opt6(dhcpv6.OptionRelayPort, u16(0)))))
	require.NoError(t, err)
	require.Equal(t, "[2001:db8:ffff::1]:40000", o.to.String())
	require.NotNil(t, msg.GetOneOption(dhcpv6.OptionRelayPort))

	// Only the relay that talks to the server decides about the port.
	near := relay6Msg(0, "2001:db8:1::1", "fe80::9", solicit, opt6(dhcpv6.OptionRelayPort, u16(1000)))
	o, msg, err = b.run(b.relayed(relay6Msg(1, "::", "fe80::2", near)))
	require.NoError(t, err)
	require.Equal(t, uint16(547), o.to.Port())
	require.Nil(t, msg.GetOneOption(dhcpv6.OptionRelayPort))
	back := msg.(*dhcpv6.RelayMessage).Options.RelayMessage().GetOneOption(dhcpv6.OptionRelayPort)
	require.Equal(t, u16(1000), back.ToBytes())
}

func TestRFC9915Section18_3_10DirectReply(t *testing.T) {
	t.Parallel()
	b := newBench6(t)
	o, _, err := b.run(b.direct(msg6(dhcpv6.MessageTypeSolicit, clientID6(), na6(1))))
	require.NoError(t, err)
	require.Equal(t, "[fe80::5eff:fe10:1%lan0]:546", o.to.String())
	require.False(t, o.from.IsValid(), "the system takes a link-local address")
	require.Equal(t, 4, o.ifindex)
}

// A negative answer from an old configuration is not given.
func TestNegativeAnswerWaitsForNewerConfiguration(t *testing.T) {
	t.Parallel()
	b := newBench6(t)
	b.leaser.decide = func(r *sqlstore.Request) (*sqlstore.Decision, error) {
		if r.Revision == 5 {
			c := config6()
			c.Revision = 6
			require.NoError(t, b.SetConfig(c))
			return &sqlstore.Decision{Revision: 6, Results: []sqlstore.Result{{Code: sqlstore.Exhausted}}}, nil
		}
		return &sqlstore.Decision{Revision: 7, Results: []sqlstore.Result{{Code: sqlstore.NoBinding}}}, nil
	}
	m := b.answer(t, request6Of(dhcpv6.MessageTypeRenew, na6(1, "2001:db8:1::1001")))
	require.Equal(t, []iana.StatusCode{iana.StatusNoBinding}, statuses6(m), "the second answer is final")
	require.Len(t, b.leaser.requests, 2)
	require.Equal(t, int64(6), b.leaser.requests[1].Revision)
}

// What a first round ended must not look unknown to a second.
func TestReleaseIsNotRepeated(t *testing.T) {
	t.Parallel()
	b := newBench6(t)
	b.leaser.decide = func(*sqlstore.Request) (*sqlstore.Decision, error) {
		return &sqlstore.Decision{Revision: 9, Results: []sqlstore.Result{{Code: sqlstore.Done}, {Code: sqlstore.NoBinding}}}, nil
	}
	m := b.answer(t, request6Of(dhcpv6.MessageTypeRelease, na6(1, "2001:db8:1::1001"), na6(2, "2001:db8:1::1002")))
	require.Equal(t, []iana.StatusCode{iana.StatusNoBinding}, statuses6(m))
	require.Len(t, b.leaser.requests, 1)
}

func TestSilenceWhenDatabaseFails(t *testing.T) {
	t.Parallel()
	for err, reason := range map[error]Reason{
		sqlstore.ErrUnavailable: ReasonUnavailable, sqlstore.ErrFenced: ReasonFenced,
		sqlstore.ErrBusy: ReasonBusy, errors.New("other"): ReasonInternal,
	} {
		b := newBench6(t)
		b.leaser.decide = func(*sqlstore.Request) (*sqlstore.Decision, error) { return nil, err }
		_, _, got := b.run(b.direct(msg6(dhcpv6.MessageTypeSolicit, clientID6(), na6(1))))
		require.Equal(t, reason, reasonOf(got))
	}
}

func TestReplyTooLongIsDropped(t *testing.T) {
	t.Parallel()
	b := newBench6(t)
	c := config6()
	c.Revision = 6
	for code := range uint16(3) {
		c.Options = append(c.Options, sqlstore.OptionData{
			Family: sqlstore.IPv6, Code: 60000 + code, Data: strings.Repeat("00", 30000), Hex: true, Always: true,
		})
	}
	require.NoError(t, b.SetConfig(c))
	_, _, err := b.run(b.direct(msg6(dhcpv6.MessageTypeInformationRequest)))
	require.Equal(t, ReasonEncode, reasonOf(err))
}
