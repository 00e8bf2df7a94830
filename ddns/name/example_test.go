package name_test

import (
	"fmt"
	"net/netip"

	"rowlock/ddns/name"
	"rowlock/sqlstore"
)

// A client sends option 81 with the partial name "PC" and wants the server to
// do all updates.
func Example() {
	rules, err := name.New(name.Config{Suffix: "dyn.example.org", Replace: name.ReplaceWhenNotPresent})
	if err != nil {
		panic(err)
	}
	option, err := name.Parse4([]byte("\x05\x00\x00\x02PC"))
	if err != nil {
		panic(err)
	}
	addr := netip.MustParseAddr("192.0.2.1")

	choice := rules.Choose(name.Sources{FQDN: &option, Addr: addr})
	decision := name.Policy{SendUpdates: true}.Decide(&option, choice.Name != "")
	reply, err := decision.Reply(option, choice.Name).Append4(nil)
	if err != nil {
		panic(err)
	}
	fmt.Println(choice.Name, choice.Source)
	fmt.Println(decision.Forward, decision.Reverse)
	fmt.Printf("%x\n", reply)

	client := sqlstore.Client{HWType: 1, HWAddr: []byte{2, 0, 0, 0, 0, 1}}
	identity, err := name.ClientIdentity(sqlstore.IPv4, &client)
	if err != nil {
		panic(err)
	}
	dhcid, err := name.DHCID(identity, choice.Name)
	if err != nil {
		panic(err)
	}
	fmt.Println(len(name.DHCIDText(dhcid)), name.Reverse(addr), name.TTL{}.Of(7200))
	// Output:
	// pc.dyn.example.org fqdn
	// true true
	// 05ffff0270630364796e076578616d706c65036f726700
	// 48 1.2.0.192.in-addr.arpa 2400
}
