package frontend

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/insomniacslk/dhcp/iana"
	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// negatives4 are the messages that are refused by the old configuration and
// granted by the new one.
var negatives4 = map[string]struct {
	ask  string
	code sqlstore.Code // of the old one; 0: no row is asked for
	old  string        // what would be answered without a newer one
	want string
}{
	"selecting":         {"REQUEST\n 50 addr 192.0.2.10\n 54 addr 192.0.2.1", sqlstore.WrongAddress, "NAK", "ACK"},
	"renewing":          {"REQUEST\n ciaddr 192.0.2.10", sqlstore.NoBinding, "NAK", "ACK"},
	"init-reboot":       {"REQUEST\n 50 addr 192.0.2.10", sqlstore.WrongAddress, "NAK", "ACK"},
	"wrong network":     {"REQUEST\n 50 addr 198.51.100.9", 0, "NAK", "ACK"},
	"nothing is free":   {"DISCOVER", sqlstore.Exhausted, "", "OFFER"},
	"unknown to reboot": {"REQUEST\n 50 addr 192.0.2.10", sqlstore.NoBinding, "", "ACK"},
}

// What the database of tests says: negative for a request of revision 1.
func (b *bench4) refuseOld(code sqlstore.Code, newest int64) {
	b.model.say = func(r *sqlstore.Request) (*sqlstore.Decision, error) {
		d := &sqlstore.Decision{Revision: newest}
		for i := range r.Items {
			it := &r.Items[i]
			res := sqlstore.Result{Code: code}
			if r.Revision > 1 {
				want := it.Want
				if !want.IsValid() {
					want = netip.MustParseAddr("192.0.2.10")
				}
				res = sqlstore.Result{Code: sqlstore.Granted, HasLease: true, Lease: sqlstore.Lease{
					Family: sqlstore.IPv4, Key: it.Key, Addr: want, PrefixLen: 32, State: sqlstore.Active, ValidLft: it.ValidLft,
				}}
			}
			d.Results = append(d.Results, res)
		}
		return d, nil
	}
}

// No negative answer of DHCPv4 is given from a configuration that is older than
// the database's.
func TestNegativeAnswersWait4(t *testing.T) {
	for name, c := range negatives4 {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench4(t, lan4, onLink4)
				b.refuseOld(c.code, 2)
				newer, err := parseConfig4("revision 2\n link lan\n subnet 192.0.2.0/24\n pool 192.0.2.10 192.0.2.20\n subnet 198.51.100.0/24\n pool 198.51.100.2 198.51.100.20")
				require.NoError(t, err)
				began := time.Now()
				time.AfterFunc(300*time.Millisecond, func() { _ = b.SetConfig(newer) })
				_, m, err := b.ask(t, c.ask)
				require.NoError(t, err)
				require.Equal(t, c.want, m.kind)
				require.Equal(t, 300*time.Millisecond, time.Since(began))
			})
			for how, refuse := range map[string]func(*bench4){
				"refused": func(b *bench4) {
					faulty := []sqlstore.OptionData{{Family: sqlstore.IPv4, Name: "routers", Data: "nonsense"}}
					_ = b.SetConfig(&sqlstore.Config{Revision: 2, Options: faulty})
				},
				"unreadable": func(b *bench4) { b.Refuse(2) },
			} {
				b := newBench4(t, lan4, onLink4)
				b.refuseOld(c.code, 2)
				refuse(b)
				require.EqualValues(t, 1, b.Revision())
				_, m, err := b.ask(t, c.ask)
				require.Equal(t, c.old, m.kind, "a revision that is %s does not come: %v", how, err)
			}
		})
	}
}

// Likewise for DHCPv6: NoBinding, NotOnLink, NoAddrsAvail, NoPrefixAvail and
// addresses that are taken back.
func TestNegativeAnswersWait6(t *testing.T) {
	const foreign = "2001:db8:4::5"
	for name, c := range map[string]struct {
		data []byte
		code sqlstore.Code
		want iana.StatusCode // of the old one
	}{
		"NoBinding":              {request6Of(dhcpv6.MessageTypeRenew, na6(1, "2001:db8:1::1001")), sqlstore.NoBinding, iana.StatusNoBinding},
		"NotOnLink to REQUEST":   {request6Of(dhcpv6.MessageTypeRequest, na6(1, foreign)), 0, iana.StatusNotOnLink},
		"NotOnLink beside other": {request6Of(dhcpv6.MessageTypeRequest, na6(2, "2001:db8:1::1001"), na6(1, foreign)), sqlstore.Granted, iana.StatusNotOnLink},
		"NotOnLink to CONFIRM":   {msg6(dhcpv6.MessageTypeConfirm, clientID6(), na6(1, foreign)), 0, iana.StatusNotOnLink},
		"NoAddrsAvail":           {request6Of(dhcpv6.MessageTypeRequest, na6(1, "2001:db8:1::1001")), sqlstore.Exhausted, iana.StatusNoAddrsAvail},
		"NoPrefixAvail":          {request6Of(dhcpv6.MessageTypeRequest, pd6(1, "2001:db8:100::/56")), sqlstore.Exhausted, iana.StatusNoPrefixAvail},
		"NoAddrsAvail to SOLICIT": {
			msg6(dhcpv6.MessageTypeSolicit, clientID6(), na6(1)), sqlstore.Exhausted, iana.StatusNoAddrsAvail,
		},
	} {
		t.Run(name, func(t *testing.T) {
			bench := func() *bench6 {
				b := newBench6(t)
				b.leaser.decide = func(r *sqlstore.Request) (*sqlstore.Decision, error) {
					d := &sqlstore.Decision{Revision: 6}
					for i := range r.Items {
						res := sqlstore.Result{Code: c.code}
						if r.Revision > 5 || c.code == sqlstore.Granted {
							res = grant6(&r.Items[i], r.Items[i].Want)
						}
						d.Results = append(d.Results, res)
					}
					return d, nil
				}
				return b
			}
			// every status of the message, and of its identity associations
			statuses := func(m *dhcpv6.Message) iana.StatusCode {
				worst := status6Of(m.Options.Options)
				for _, s := range statuses6(m) {
					worst = max(worst, s)
				}
				return worst
			}
			synctest.Test(t, func(t *testing.T) {
				b := bench()
				newer := config6()
				newer.Revision = 6
				newer.Links[0].Subnets = append(newer.Links[0].Subnets, &sqlstore.Subnet{
					ID: 4, LinkID: 1, Prefix: netip.MustParsePrefix("2001:db8:4::/64"),
					Pools: []*sqlstore.Pool{pool6(41, 4, 1, "2001:db8:4::", "2001:db8:4::ff", 128)},
				})
				began := time.Now()
				time.AfterFunc(300*time.Millisecond, func() { _ = b.SetConfig(newer) })
				require.Equal(t, iana.StatusSuccess, statuses(b.answer(t, c.data)))
				require.Equal(t, 300*time.Millisecond, time.Since(began))
			})
			b := bench()
			b.Refuse(6)
			require.Equal(t, c.want, statuses(b.answer(t, c.data)), "a revision that is refused does not come")
		})
	}
}

// A message that began with a configuration which this frontend has given up is
// evaluated anew, once.
func TestSupersededMessages(t *testing.T) {
	t.Parallel()
	superseded := func(upTo int64) func(*sqlstore.Request) error {
		return func(r *sqlstore.Request) error {
			if r.Revision <= upTo {
				return errors.Join(errors.New("decide"), sqlstore.ErrSuperseded)
			}
			return nil
		}
	}
	v4 := func(ask string, upTo int64) (string, error) {
		b := newBench4(t, lan4, onLink4)
		refuse, set := superseded(upTo), false
		b.model.say = func(r *sqlstore.Request) (*sqlstore.Decision, error) {
			if !set {
				set = true
				c, err := parseConfig4("revision 2\n" + lan4)
				require.NoError(t, err)
				require.NoError(t, b.SetConfig(c))
			}
			return nil, refuse(r)
		}
		_, m, err := b.ask(t, ask)
		return m.kind, err
	}
	for ask, want := range map[string]string{"DISCOVER": "OFFER", "REQUEST\n 50 addr 198.51.100.9": "NAK"} {
		kind, err := v4(ask, 1)
		require.NoError(t, err)
		require.Equal(t, want, kind)
	}
	_, err := v4("DISCOVER", 2)
	requireDrop(t, ReasonConfigBehind, err)

	v6 := func(data []byte, upTo int64) (*dhcpv6.Message, error) {
		b := newBench6(t)
		refuse := superseded(upTo)
		b.leaser.decide = func(r *sqlstore.Request) (*sqlstore.Decision, error) {
			c := config6()
			c.Revision = 6
			if b.Revision() == 5 {
				require.NoError(t, b.SetConfig(c))
			}
			if err := refuse(r); err != nil {
				return nil, err
			}
			d := &sqlstore.Decision{Revision: 6}
			for i := range r.Items {
				d.Results = append(d.Results, grant6(&r.Items[i], r.Items[i].Want))
			}
			return d, nil
		}
		err := b.handle6(context.Background(), b.direct(data))
		if err != nil {
			return nil, err
		}
		o := <-b.listener.udp.out
		m, err := dhcpv6.FromBytes(o.data)
		require.NoError(t, err)
		return m.(*dhcpv6.Message), nil
	}
	for _, data := range [][]byte{msg6(dhcpv6.MessageTypeSolicit, clientID6(), na6(1)), msg6(dhcpv6.MessageTypeConfirm, clientID6(), na6(1, "2001:db8:3::5"))} {
		m, err := v6(data, 5)
		require.NoError(t, err)
		require.NotNil(t, m)
	}
	_, err = v6(msg6(dhcpv6.MessageTypeSolicit, clientID6(), na6(1)), 6)
	requireDrop(t, ReasonConfigBehind, err)
}
