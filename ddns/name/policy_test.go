package name

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The whole table: what the client wants, what the site sets, what is done and
// what the client is told. The flags of the reply are in the order S O N.
func TestRFC4702_4_Decide(t *testing.T) {
	t.Parallel()
	const (
		off            = 0
		on             = 1
		overrideNo     = 2
		overrideClient = 4
	)
	for _, tt := range []struct {
		about            string
		s, n             bool
		set              int
		forward, reverse bool
		reply            [3]bool
	}{
		{about: "3.2 client does the forward zone, updates off", set: off, reply: [3]bool{false, false, true}},
		{about: "3.2, all overrides, updates off", set: overrideNo | overrideClient, reply: [3]bool{false, false, true}},
		{about: "3.2", set: on, reverse: true},
		{about: "3.2, other override", set: on | overrideNo, reverse: true},
		{about: "3.2, overridden", set: on | overrideClient, forward: true, reverse: true, reply: [3]bool{true, true, false}},

		{about: "3.3 server does all, updates off", s: true, set: off, reply: [3]bool{false, true, true}},
		{about: "3.3", s: true, set: on, forward: true, reverse: true, reply: [3]bool{true, false, false}},
		{about: "3.3, overrides", s: true, set: on | overrideNo | overrideClient, forward: true, reverse: true, reply: [3]bool{true, false, false}},

		{about: "3.4 no updates, updates off", n: true, set: off, reply: [3]bool{false, false, true}},
		{about: "3.4", n: true, set: on, reply: [3]bool{false, false, true}},
		{about: "3.4, other override", n: true, set: on | overrideClient, reply: [3]bool{false, false, true}},
		{about: "3.4, overridden", n: true, set: on | overrideNo, forward: true, reverse: true, reply: [3]bool{true, true, false}},

		{about: "2.1 N and S: N counts", n: true, s: true, set: on | overrideClient, reply: [3]bool{false, true, true}},
		{about: "2.1 N and S, overridden", n: true, s: true, set: on | overrideNo, forward: true, reverse: true, reply: [3]bool{true, false, false}},
	} {
		p := Policy{SendUpdates: tt.set&on > 0, OverrideNoUpdate: tt.set&overrideNo > 0, OverrideClientUpdate: tt.set&overrideClient > 0}
		client := FQDN{Name: "PC", S: tt.s, N: tt.n, O: true, E: true}
		d := p.Decide(&client, true)
		require.Equal(t, Decision{Forward: tt.forward, Reverse: tt.reverse}, d, tt.about)
		require.Equal(t, FQDN{
			Name: "pc.example.org", Full: true, E: true,
			S: tt.reply[0], O: tt.reply[1], N: tt.reply[2],
		}, d.Reply(client, "pc.example.org"), tt.about)
	}
}

// RFC 4702 section 2.1: where N is 1, S must be 0; O is 1 exactly where S is
// not what the client sent. True for every input.
func TestRFC4702_2_1_ReplyFlags(t *testing.T) {
	t.Parallel()
	bit := func(v, n int) bool { return v>>n&1 == 1 }
	for v := range 1 << 7 {
		client := FQDN{S: bit(v, 0), N: bit(v, 1), O: bit(v, 2)}
		p := Policy{SendUpdates: bit(v, 3), OverrideNoUpdate: bit(v, 4), OverrideClientUpdate: bit(v, 5)}
		d := p.Decide(&client, bit(v, 6))
		reply := d.Reply(client, "pc.example.org")
		require.False(t, reply.N && reply.S, "%+v %+v", p, client)
		require.Equal(t, reply.S != client.S, reply.O, "%+v %+v", p, client)
		require.Equal(t, reply.S, d.Forward)
		require.Equal(t, reply.N, d == Decision{})
	}
}

func TestDecideWithoutOption(t *testing.T) {
	t.Parallel()
	on := Policy{SendUpdates: true}
	require.Equal(t, Decision{Forward: true, Reverse: true}, on.Decide(nil, true))
	require.Equal(t, Decision{}, on.Decide(nil, false))
	require.Equal(t, Decision{}, Policy{OverrideNoUpdate: true, OverrideClientUpdate: true}.Decide(nil, true))
}

// A client whose name was refused is told that nothing is done.
func TestReplyWithoutName(t *testing.T) {
	t.Parallel()
	client := FQDN{Name: "wpad", S: true}
	d := Policy{SendUpdates: true}.Decide(&client, false)
	require.Equal(t, FQDN{O: true, N: true}, d.Reply(client, ""))
}

// RFC 4702 section 4: the server copies E, and so answers in the form that the
// client understands.
func TestRFC4702_4_ReplyEncoding(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"\x01\x00\x00PC":     "\x01\xff\xffpc.example.org",
		"\x05\x00\x00\x02PC": "\x05\xff\xff\x02pc\x07example\x03org\x00",
	} {
		client, err := Parse4([]byte(in))
		require.NoError(t, err)
		got, err := Policy{SendUpdates: true}.Decide(&client, true).Reply(client, "pc.example.org").Append4(nil)
		require.NoError(t, err)
		require.Equal(t, want, string(got))
	}
}

// RFC 4704 section 6 in bytes: a client that would update by itself, overridden.
func TestRFC4704_6_Reply(t *testing.T) {
	t.Parallel()
	client, err := Parse6([]byte("\x00\x02pc"))
	require.NoError(t, err)
	d := Policy{SendUpdates: true, OverrideClientUpdate: true}.Decide(&client, true)
	got, err := d.Reply(client, "pc.example.org").Append6(nil)
	require.NoError(t, err)
	require.Equal(t, "\x03\x02pc\x07example\x03org\x00", string(got))
}
