package name

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Config is what a site sets for the names of a subnet. The zero value takes
// the clients' names, and only those that are fully qualified.
type Config struct {
	// Suffix is the domain that partial and generated names are put in.
	Suffix string
	// Zones are the forward zones that are updated; a client may be called
	// neither like one nor like a domain above one. Suffix counts as one.
	Zones []string
	// Deny is added to what DefaultDeny lists. A single label forbids the names
	// that begin with it; a name of several labels forbids itself and all
	// below it, which is what a delegated domain needs.
	Deny []string
	// Confine refuses a client's name that is not below Suffix.
	Confine bool
	// Replacement stands for each character that a host name may not have: a
	// letter, a digit or a hyphen. Empty leaves the character out.
	Replacement string
	// Replace says when a client's name is not used. Empty: ReplaceNever.
	Replace Replace
	// Prefix begins generated names. Empty: DefaultPrefix.
	Prefix string
	// Compressed makes generated names of IPv6 addresses from their short form.
	Compressed bool
}

// Rules are the checked form of a Config.
type Rules struct {
	cfg   Config
	apex  []string
	label map[string]bool // first labels that are denied
	below []string        // domains that are denied
}

// DefaultDeny lists the labels by which programs find things without being
// told: a client of that name would speak for the whole network. A reservation
// may still use them.
func DefaultDeny() []string {
	return []string{
		"autoconfig", "autodiscover", "broadcasthost", "isatap", "localhost", "mta-sts", "wpad",
	}
}

// reverseRoots are the domains whose names are addresses (RFC 1035 section 3.5,
// RFC 3596 section 2.5): a client of such a name would speak for an address.
func reverseRoots() []string { return []string{"in-addr.arpa", "ip6.arpa"} }

// New checks a configuration.
func New(cfg Config) (*Rules, error) {
	if cfg.Prefix == "" {
		cfg.Prefix = DefaultPrefix
	}
	if cfg.Replace == "" {
		cfg.Replace = ReplaceNever
	}
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg.Suffix, cfg.Prefix = Canonical(cfg.Suffix), Canonical(cfg.Prefix)
	cfg.Replacement = strings.ToLower(cfg.Replacement)
	r := &Rules{cfg: cfg, label: map[string]bool{}, below: reverseRoots()}
	if cfg.Suffix != "" {
		r.apex = append(r.apex, cfg.Suffix)
	}
	for _, z := range cfg.Zones {
		r.apex = append(r.apex, Canonical(z))
	}
	for _, d := range slices.Concat(DefaultDeny(), cfg.Deny) {
		if d = Canonical(d); strings.Contains(d, ".") {
			r.below = append(r.below, d)
		} else {
			r.label[d] = true
		}
	}
	return r, nil
}

// Validate names the first setting that is wrong.
func (c Config) Validate() error {
	if err := c.validateSuffix(); err != nil {
		return fmt.Errorf("suffix: %w", err)
	}
	for i, z := range c.Zones {
		if err := Check(z); err != nil {
			return fmt.Errorf("zones[%d]: %w", i, err)
		}
	}
	for i, d := range c.Deny {
		if err := Check(d); err != nil {
			return fmt.Errorf("deny[%d]: %w", i, err)
		}
	}
	switch {
	case len(c.Replacement) > 1, c.Replacement != "" && ldh(c.Replacement[0]) == 0:
		return fmt.Errorf("replacement: %q is not a letter, a digit or a hyphen", c.Replacement)
	case !slices.Contains([]Replace{"", ReplaceNever, ReplaceAlways, ReplaceWhenPresent, ReplaceWhenNotPresent}, c.Replace):
		return fmt.Errorf("replace: %q is not never, always, when-present or when-not-present", c.Replace)
	case c.Prefix != "" && checkLabel(c.Prefix) != "":
		return fmt.Errorf("prefix: %w", refuse(c.Prefix, checkLabel(c.Prefix)))
	case len(c.Prefix) > maxPrefix:
		return fmt.Errorf("prefix: %q is longer than %d characters", c.Prefix, maxPrefix)
	case reservedLabel(c.Prefix):
		return fmt.Errorf("prefix: %q has hyphens in third and fourth place", c.Prefix)
	}
	return nil
}

func (c Config) validateSuffix() error {
	if c.Suffix == "" {
		return nil
	}
	if err := Check(c.Suffix); err != nil {
		return err
	}
	switch s := Canonical(c.Suffix); {
	case numeric(s):
		return refuse(c.Suffix, ReasonAddress)
	case len(s)+1+maxLabel > maxText:
		return errors.New("leaves no room for a label before it")
	}
	return nil
}

// Client returns the canonical, qualified form of a name that a client sent,
// or why it may not have it. full tells that the client said it is fully
// qualified; a final dot says so too.
func (r *Rules) Client(raw string, full bool) (string, error) {
	n, err := r.qualified(raw, full)
	if err != nil {
		return "", err
	}
	first, _, _ := strings.Cut(n, ".")
	switch {
	case r.label[first], slices.ContainsFunc(r.below, func(d string) bool { return under(n, d) }):
		return "", refuse(raw, ReasonDenied)
	case r.cfg.Confine && !under(n, r.cfg.Suffix):
		return "", refuse(raw, ReasonOutside)
	}
	return n, nil
}

// Reserved returns the canonical, qualified form of a reservation's name. The
// administrator may give what a client may not take: the deny list and Confine
// are not for it.
func (r *Rules) Reserved(raw string) (string, error) {
	return r.qualified(raw, Dotted(raw))
}

func (r *Rules) qualified(raw string, full bool) (string, error) {
	n, err := clean(raw, r.cfg.Replacement)
	if err != nil {
		return "", err
	}
	n, err = Qualify(n, r.cfg.Suffix, full || strings.HasSuffix(trimZeros(raw), "."))
	if err != nil {
		return "", err
	}
	switch {
	case slices.ContainsFunc(r.apex, func(zone string) bool { return under(zone, n) }):
		return "", refuse(raw, ReasonApex)
	case numeric(n):
		return "", refuse(raw, ReasonAddress)
	}
	return n, nil
}

// Qualify puts a canonical name into the domain suffix, which may be "". A name
// that is fully qualified or is under the suffix already stays as it is. A
// single label is never taken for fully qualified: many clients add the root
// label to it, and no host is a top-level domain.
func Qualify(name, suffix string, full bool) (string, error) {
	switch {
	case full && Dotted(name), under(name, suffix):
		return name, nil
	case suffix == "":
		return "", refuse(name, ReasonUnqualified)
	case len(name)+1+len(suffix) > maxText:
		return "", refuse(name, ReasonNameLong)
	}
	return name + "." + suffix, nil
}
