package sqlstore

import (
	"errors"
	"maps"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// DatabaseURL is the URL of a database on a server. Unlike other URLs it may
// name several hosts: scheme://user:password@host1:port,host2/database?options.
type DatabaseURL struct {
	Scheme  string
	User    *url.Userinfo // nil if there is none
	Hosts   []Host        // empty if the URL names none
	Name    string        // of the database
	Options url.Values
}

// Host is a host of a DatabaseURL; Port is 0 where it is not given.
type Host struct {
	Name string // a name or an address, without brackets
	Port uint16
}

// errDatabaseURL does not repeat the URL: it may hold a password.
var errDatabaseURL = errors.New("the database URL cannot be read (it is scheme://user@host:port/database?options; several hosts are separated by commas)")

// ParseURL reads the URL of a database on a server. Its errors do not repeat
// the URL.
func ParseURL(text string) (*DatabaseURL, error) {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok || strings.Trim(scheme, "abcdefghijklmnopqrstuvwxyz") != "" || scheme == "" {
		return nil, errDatabaseURL
	}
	authority, end := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority, end = rest[:i], rest[i:]
	}
	hosts, user := authority, ""
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		user, hosts = authority[:i+1], authority[i+1:]
	}
	// the hosts are no host of a URL, the rest is
	u, err := url.Parse(scheme + "://" + user + end)
	if err != nil || u.Fragment != "" || strings.Contains(strings.TrimPrefix(u.Path, "/"), "/") || strayPassword(end) {
		return nil, errDatabaseURL
	}
	out := &DatabaseURL{Scheme: u.Scheme, User: u.User, Name: strings.TrimPrefix(u.Path, "/")}
	if out.Options, err = url.ParseQuery(u.RawQuery); err != nil {
		return nil, errDatabaseURL
	}
	if hosts != "" {
		out.Hosts, err = ParseHosts(hosts)
	}
	return out, err
}

// strayPassword tells that what follows the hosts looks like the end of a
// password with a / or ? in it, which ended the hosts too early: user:12/34@host.
// In a name of a database @ is %40.
func strayPassword(end string) bool {
	path, options, _ := strings.Cut(end, "?")
	for option := range strings.SplitSeq(options, "&") {
		name, _, _ := strings.Cut(option, "=")
		path += name
	}
	return strings.Contains(path, "@")
}

// ParseHosts reads a list of hosts: host, host:port or [address]:port,
// separated by commas.
func ParseHosts(list string) ([]Host, error) {
	var out []Host
	for text := range strings.SplitSeq(list, ",") {
		h := Host{Name: text}
		if name, port, err := net.SplitHostPort(text); err == nil {
			n, err := strconv.ParseUint(port, 10, 16)
			if err != nil || n == 0 {
				return nil, errDatabaseURL
			}
			h = Host{Name: name, Port: uint16(n)}
		} else if strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") {
			h.Name = text[1 : len(text)-1]
		} else if strings.Contains(text, ":") {
			return nil, errDatabaseURL
		}
		if h.Name == "" || strings.ContainsAny(h.Name, " \t\r\n[]/\\") {
			return nil, errDatabaseURL
		}
		out = append(out, h)
	}
	return out, nil
}

// String returns the host as it stands in a URL.
func (h Host) String() string {
	switch {
	case h.Port != 0:
		return net.JoinHostPort(h.Name, strconv.Itoa(int(h.Port)))
	case strings.Contains(h.Name, ":"):
		return "[" + h.Name + "]"
	}
	return h.Name
}

// String returns the URL, with the password if it has one.
func (u *DatabaseURL) String() string {
	var b strings.Builder
	b.WriteString(u.Scheme + "://")
	if u.User != nil {
		b.WriteString(u.User.String() + "@")
	}
	for i, h := range u.Hosts {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(h.String())
	}
	b.WriteString(strings.ReplaceAll((&url.URL{Path: "/" + u.Name}).EscapedPath(), "@", "%40"))
	if len(u.Options) > 0 {
		b.WriteString("?" + u.Options.Encode())
	}
	return b.String()
}

// secretOptions are the options that hold a secret.
var secretOptions = []string{"password", "sslpassword"}

// HasPassword tells whether there is a password, or another secret, in the URL.
func (u *DatabaseURL) HasPassword() bool {
	_, set := u.User.Password()
	for _, name := range secretOptions {
		set = set || u.Options.Has(name)
	}
	return set
}

// Redacted returns the URL without secrets, for people and logs.
func (u *DatabaseURL) Redacted() string {
	out := *u
	if u.User != nil {
		out.User = url.User(u.User.Username())
	}
	out.Options = maps.Clone(u.Options)
	for _, name := range secretOptions {
		out.Options.Del(name)
	}
	return out.String()
}
