package frontend

import (
	"errors"
	"fmt"

	"rowlock/sqlstore"
)

// broken returns the error of a rule that only the packet path knows, in the
// form of what sqlstore.Check finds: object, rule, value.
func broken(object, rule string, value error) error {
	return errors.New(sqlstore.Violation{Object: object, Rule: rule, Value: value.Error()}.String())
}

// linkObject names a link as sqlstore.Check does.
func linkObject(l *sqlstore.Link) string {
	if l.Name == "" {
		return fmt.Sprintf("link %d", l.ID)
	}
	return "shared_network " + l.Name
}

// subnetObject names a subnet as sqlstore.Check does.
func subnetObject(l *sqlstore.Link, s *sqlstore.Subnet) string {
	name := s.Prefix.String()
	if l.VRF != 0 {
		name += fmt.Sprintf(" vrf %d", l.VRF)
	}
	if s.ID != 0 {
		return fmt.Sprintf("subnet %d (%s)", s.ID, name)
	}
	return "subnet " + name
}
