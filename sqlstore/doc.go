// Package sqlstore holds the words that the parts of Rowlock share: leases,
// binding keys, what a packet asks of the database and what the database
// decided, the network configuration, and the interfaces that a SQL dialect
// implements. It holds no SQL and no driver.
//
// Mutual exclusion rests on two unique constraints of the tables lease4 and
// lease6: binding_key (one binding per client and link; DHCPv6: per IA) and
// (vrf, addr) (one holder per address). Everything a frontend remembers may be
// lost at any time. Time is always the database's.
package sqlstore
