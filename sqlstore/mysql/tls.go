package mysql

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// tlsOptions are those of a URL, with the meaning that libpq gives them.
type tlsOptions struct {
	mode     string // disable, prefer (when empty), require, verify-ca, verify-full
	rootCert string // file of the authorities, or "system"
	cert     string // file of the client's certificate
	key      string // file of its key
}

// config returns the TLS settings for a server, nil for none, and whether a
// server without TLS will do.
func (o tlsOptions) config(host string) (c *tls.Config, plaintext bool, err error) {
	mode := o.mode
	if o.rootCert == "system" {
		// as with libpq: anybody can have a certificate of these authorities
		mode = cmp.Or(mode, "verify-full")
		if mode != "verify-full" {
			return nil, false, errors.New("database URL: sslrootcert=system goes with sslmode=verify-full only")
		}
	}
	mode = cmp.Or(mode, "prefer")
	if mode == "require" && o.rootCert != "" {
		mode = "verify-ca" // as with libpq: who names an authority wants it asked
	}
	c = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host}
	switch mode {
	case "disable":
		return nil, false, nil
	case "prefer", "require":
		c.InsecureSkipVerify = true
	case "verify-ca":
		// the host name is not checked, the chain is
		c.InsecureSkipVerify = true
		c.VerifyConnection = func(s tls.ConnectionState) error { return verifyChain(s, c.RootCAs) }
	case "verify-full":
	default:
		return nil, false, errors.New("database URL: sslmode is none of disable, prefer, require, verify-ca, verify-full")
	}
	if o.rootCert != "" && o.rootCert != "system" {
		if c.RootCAs, err = readRoots(o.rootCert); err != nil {
			return nil, false, err
		}
	}
	if (o.cert == "") != (o.key == "") {
		return nil, false, errors.New("database URL: sslcert and sslkey go together")
	}
	if o.cert != "" {
		pair, err := tls.LoadX509KeyPair(o.cert, o.key)
		if err != nil {
			return nil, false, fmt.Errorf("database URL: read sslcert and sslkey: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, mode == "prefer", nil
}

func readRoots(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("database URL: read sslrootcert: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("database URL: sslrootcert: %s has no certificate", file)
	}
	return pool, nil
}

// verifyChain checks that an authority signed the server's certificate.
func verifyChain(s tls.ConnectionState, roots *x509.CertPool) error {
	opt := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
	for _, c := range s.PeerCertificates[1:] {
		opt.Intermediates.AddCert(c)
	}
	_, err := s.PeerCertificates[0].Verify(opt)
	return err
}
