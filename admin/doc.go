// Package admin is the admin role: a REST API under /v1 and one console page,
// for people and programs that look at leases, subnets, frontends and names in
// DNS, and change the network configuration.
//
// It keeps nothing: what it shows is read from the database, counts at most 15
// seconds old, and what it changes is a committed row before it answers. Any
// number of processes may have the role. Everybody who has a token may do
// everything; a session of the console may only look (RFC 6750 for tokens, RFC
// 9457 for errors, RFC 9110 section 13 for preconditions).
package admin
