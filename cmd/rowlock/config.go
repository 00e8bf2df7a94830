package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"rowlock/admin"
)

// systemConfig is the process file that is read when none is named.
const systemConfig = "/etc/rowlock/rowlock.yaml"

// The roles of a process.
const (
	roleDHCP4 = "dhcp4"
	roleDHCP6 = "dhcp6"
	roleDDNS  = "ddns"
	roleAdmin = "admin"
)

var allRoles = []string{roleDHCP4, roleDHCP6, roleDDNS, roleAdmin}

// processConfig is the process file: what a process must know before it can
// read its configuration from the database. Secrets are never in it: they come
// from the environment or from files that it names.
type processConfig struct {
	Database             string `yaml:"database"`               // URL without a password
	DatabasePasswordFile string `yaml:"database_password_file"` // its first line is the password
	DatabaseConnections  int    `yaml:"database_connections"`   // per lane; 0: the dialect's default
	// DatabaseGiveUp is how long serve goes on without its database before it
	// ends with an error; 0 is for ever.
	DatabaseGiveUp time.Duration `yaml:"database_give_up"`

	// FrontendID names this process among those on the database; it must stay
	// the same over restarts. The default is the host name.
	FrontendID string       `yaml:"frontend_id"`
	Roles      []string     `yaml:"roles"`
	Listen     listenConfig `yaml:"listen"`
	Admin      adminConfig  `yaml:"admin"`
	Log        logConfig    `yaml:"log"`
	StateDir   string       `yaml:"state_dir"`

	password string // from file or environment
}

type listenConfig struct {
	DHCP4  []listenAddress `yaml:"dhcp4"`
	DHCP6  []listenAddress `yaml:"dhcp6"`
	Health string          `yaml:"health"` // address:port, "off" for none
	Admin  string          `yaml:"admin"`  // likewise
}

// listenAddress is either an address, for relayed traffic, or an interface,
// for clients on its link.
type listenAddress struct {
	Address   string `yaml:"address"`
	Interface string `yaml:"interface"`
	// Port is the protocol's own when it is not given; with 0 the system
	// chooses one.
	Port *uint16 `yaml:"port"`
}

// port returns the port to listen on, where usual is the protocol's own.
func (l listenAddress) port(usual uint16) uint16 {
	if l.Port == nil {
		return usual
	}
	return *l.Port
}

type logConfig struct {
	Level  string `yaml:"level"`  // debug, info, warn, error
	Format string `yaml:"format"` // text, json
}

// loadConfig makes the process configuration: defaults, then the process file,
// then the environment, then flags.
func (p *program) loadConfig() (*processConfig, error) {
	c := &processConfig{}
	if err := p.readConfigFile(c); err != nil {
		return nil, err
	}
	c.setDefaults()
	if err := checkURL(c.Database); err != nil {
		return nil, fmt.Errorf("config: database: %w", passwordHint(err, "in the process file (use database_password_file or ROWLOCK_DATABASE_PASSWORD)"))
	}
	if err := checkURL(p.database); err != nil {
		return nil, usagef("--database: %w", passwordHint(err, "in the command line, where everybody can read it (use ROWLOCK_DATABASE_PASSWORD)"))
	}
	p.readEnvironment(c)
	if c.StateDir == "" {
		c.StateDir = p.defaultStateDir()
	}
	if c.FrontendID == "" {
		c.FrontendID, _ = os.Hostname()
	}
	if err := c.readPassword(p.getenv); err != nil {
		return nil, err
	}
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	return c, nil
}

// passwordHint says of a password where it stands, and where it belongs.
func passwordHint(err error, where string) error {
	if errors.Is(err, errPassword) {
		return errors.New("a password must not stand " + where)
	}
	return err
}

// setDefaults fills in what the process file does not say. It comes after
// reading, because an empty file or part empties what was there before.
func (c *processConfig) setDefaults() {
	if c.Roles == nil { // an empty list is a mistake
		c.Roles = allRoles
	}
	c.Listen.Health = cmp.Or(c.Listen.Health, "127.0.0.1:9867")
	c.Listen.Admin = cmp.Or(c.Listen.Admin, "127.0.0.1:9868")
	c.Log.Level = cmp.Or(c.Log.Level, "info")
	c.Log.Format = cmp.Or(c.Log.Format, "text")
}

func (p *program) readConfigFile(c *processConfig) error {
	name, named := p.configFile, true
	if name == "" {
		name = p.getenv("ROWLOCK_CONFIG")
	}
	if name == "" {
		name, named = systemConfig, false
	}
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read process file: %w", err)
	}
	return parseConfig(name, data, c)
}

func (p *program) readEnvironment(c *processConfig) {
	for name, to := range map[string]*string{
		"ROWLOCK_DATABASE":               &c.Database,
		"ROWLOCK_DATABASE_PASSWORD_FILE": &c.DatabasePasswordFile,
		"ROWLOCK_FRONTEND_ID":            &c.FrontendID,
		"ROWLOCK_HEALTH":                 &c.Listen.Health,
		"ROWLOCK_ADMIN":                  &c.Listen.Admin,
		"ROWLOCK_LOG_LEVEL":              &c.Log.Level,
		"ROWLOCK_LOG_FORMAT":             &c.Log.Format,
		"ROWLOCK_STATE_DIR":              &c.StateDir,
	} {
		if v := p.getenv(name); v != "" {
			*to = v
		}
	}
	if v := p.getenv("ROWLOCK_ROLES"); v != "" {
		c.Roles = strings.Split(v, ",")
	}
	if p.database != "" {
		c.Database = p.database
	}
}

// defaultStateDir is where the default database is; systemd names the folder
// that it made for a unit.
func (p *program) defaultStateDir() string {
	if dir := p.getenv("STATE_DIRECTORY"); dir != "" {
		return dir
	}
	if p.uid == 0 {
		return "/var/lib/rowlock"
	}
	if dir := p.getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "rowlock")
	}
	return filepath.Join(p.getenv("HOME"), ".local", "state", "rowlock")
}

func (c *processConfig) validate() error {
	switch {
	case !filepath.IsAbs(c.StateDir):
		return fmt.Errorf("state_dir: %q is not an absolute path", c.StateDir)
	case c.FrontendID == "":
		return errors.New("frontend_id: missing, and this machine has no host name")
	case c.DatabaseConnections < 0:
		return fmt.Errorf("database_connections: %d is negative", c.DatabaseConnections)
	case c.DatabaseGiveUp < 0:
		return fmt.Errorf("database_give_up: %v is negative", c.DatabaseGiveUp)
	case len(c.Roles) == 0:
		return fmt.Errorf("roles: none given (known: %s)", strings.Join(allRoles, ", "))
	}
	for i, role := range c.Roles {
		if !slices.Contains(allRoles, role) || slices.Contains(c.Roles[:i], role) {
			return fmt.Errorf("roles: %q is unknown or named twice (known: %s)", role, strings.Join(allRoles, ", "))
		}
	}
	for i, l := range c.Listen.DHCP4 {
		if err := l.validate(true); err != nil {
			return fmt.Errorf("listen.dhcp4[%d]: %w", i, err)
		}
	}
	for i, l := range c.Listen.DHCP6 {
		if err := l.validate(false); err != nil {
			return fmt.Errorf("listen.dhcp6[%d]: %w", i, err)
		}
	}
	if c.Listen.Health != "off" {
		if _, err := netip.ParseAddrPort(c.Listen.Health); err != nil {
			return fmt.Errorf("listen.health: %q is neither an address with port nor off", c.Listen.Health)
		}
	}
	if c.servesAdmin() {
		if err := admin.CheckListen(c.Listen.Admin, c.Admin.TLSCert, c.Admin.TLSKey, c.Admin.Insecure); err != nil {
			return fmt.Errorf("listen.admin: %w", err)
		}
	}
	_, err := newLogger(nil, c.Log)
	return err
}

func (l listenAddress) validate(v4 bool) error {
	if (l.Address == "") == (l.Interface == "") {
		return errors.New("needs either address or interface")
	}
	if l.Address == "" {
		if l.Port != nil && *l.Port == 0 {
			return errors.New("port: an interface needs a port that clients know")
		}
		return nil
	}
	if a, err := netip.ParseAddr(l.Address); err != nil || a.Is4() != v4 || a.Is4In6() {
		return fmt.Errorf("%q is not an address of this protocol", l.Address)
	}
	return nil
}
