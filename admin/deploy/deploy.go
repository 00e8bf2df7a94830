// Package deploy holds what an operator starts from: a sample site, a sample
// process file and a systemd unit. The sample site is embedded, because
// `rowlock demo` runs on it.
package deploy

import _ "embed"

// Site is the text of isp-site.yaml, a network document.
//
//go:embed isp-site.yaml
var Site []byte
