package sqlstore

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A suffix leaves room for a label before it, a prefix for a hyphen and the
// longest address behind it.
const (
	maxSuffix = maxDNSName - 1 - maxDNSLabel
	maxPrefix = maxDNSLabel - len("-2001-0db8-0000-0000-0000-0000-0000-0001")
)

// checkName is Check for the types that names in DNS need.
func (d ParameterDef) checkName(value string) error {
	lower := lowerASCII(value)
	switch d.Type {
	case TTLParameter:
		if n, err := strconv.ParseUint(value, 10, 32); err != nil || n > math.MaxInt32 {
			return fmt.Errorf("%q is not a number of seconds from 0 to %d", value, math.MaxInt32)
		}
	case WholePercentParameter:
		if n, err := strconv.ParseUint(value, 10, 8); err != nil || n > 100 {
			return fmt.Errorf("%q is not a whole number from 0 to 100", value)
		}
	case ChoiceParameter:
		if !slices.Contains(d.Choices(), value) {
			return fmt.Errorf("%q is not one of %s", value, strings.Join(d.Choices(), ", "))
		}
	case DomainParameter:
		name := strings.TrimSuffix(lower, ".")
		last := name[strings.LastIndexByte(name, '.')+1:]
		switch {
		case value == "":
		case !dnsName(name, hostCharacters) || strings.Trim(last, "0123456789") == "":
			return fmt.Errorf("%q is not a domain such as example.org", value)
		case len(name) > maxSuffix:
			return fmt.Errorf("%q is longer than %d characters", value, maxSuffix)
		}
	case LabelParameter:
		switch {
		case !dnsLabel(lower, hostCharacters) || len(value) >= 4 && value[2:4] == "--":
			return fmt.Errorf("%q is not letters, digits and hyphens within", value)
		case len(value) > maxPrefix:
			return fmt.Errorf("%q is longer than %d characters", value, maxPrefix)
		}
	case CharacterParameter:
		if value != "" && value != "-" && (len(value) != 1 || !dnsLabel(lower, "")) {
			return fmt.Errorf("%q is not a letter, a digit or a hyphen", value)
		}
	}
	return nil
}
