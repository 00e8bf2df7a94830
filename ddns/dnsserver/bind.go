package dnsserver

import (
	"fmt"
	"strconv"
	"strings"
)

func itoa(n int) string { return strconv.Itoa(n) }

// leastPrivilege is what a DHCP server needs.
const leastPrivilege = "grant " + Key + " zonesub A AAAA PTR DHCID;"

// prepareBIND writes the configuration and returns the arguments of named.
func (s *Server) prepareBIND() []string {
	s.t.Helper()
	policy := s.opt.Policy
	if policy == "" {
		policy = leastPrivilege
	}
	listen, none := "listen-on", "listen-on-v6"
	if strings.Contains(s.opt.Address, ":") {
		listen, none = none, listen
	}
	var b strings.Builder
	fmt.Fprintf(&b, `options {
  directory "%s"; pid-file none; lock-file none;
  %s port %d { %s; }; %s { none; };
  recursion no; dnssec-validation no; notify no; allow-transfer { any; };
};
controls {};
key "%s" { algorithm %s; secret "%s"; };
`, s.dir, listen, s.Port, s.opt.Address, none, Key, Algorithm, Secret)
	for _, z := range s.opt.Zones {
		fmt.Fprintf(&b, "zone \"%s\" { type primary; file \"db.%s\"; update-policy { %s }; };\n", z, z, policy)
		s.write("db."+z, s.zoneFile(z))
	}
	s.write("named.conf", b.String())
	return []string{"-f", "-n", "1", "-c", s.path("named.conf"), "-g"}
}

// zoneFile is a zone as it is in the beginning.
func (s *Server) zoneFile(zone string) string {
	lines := []string{
		fmt.Sprintf("%s. 3600 IN SOA ns.%s. hostmaster.%s. 1 3600 600 86400 60", zone, zone, zone),
		fmt.Sprintf("%s. 3600 IN NS ns.example.net.", zone),
	}
	return strings.Join(append(lines, s.opt.Records[zone]...), "\n") + "\n"
}
