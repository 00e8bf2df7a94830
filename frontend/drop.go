package frontend

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"

	"rowlock/sqlstore"
)

// Reason says why a packet got no answer although it came in: the label of the
// drop counter. The set is closed; README.md explains each to operators.
type Reason string

// The reasons, in the order of the packet path.
const (
	ReasonTruncated        Reason = "truncated"         // longer than the receive buffer
	ReasonCircuitLimit     Reason = "circuit-limit"     // the circuit begins too many conversations
	ReasonRelayLimit       Reason = "relay-limit"       // the relay begins too many conversations
	ReasonQueueFull        Reason = "queue-full"        // no room in the queue of packets
	ReasonStale            Reason = "stale"             // waited in the queue for longer than the deadline
	ReasonNoConfig         Reason = "no-config"         // no network configuration has been loaded yet
	ReasonMalformed        Reason = "malformed"         // not a well-formed message
	ReasonWrongType        Reason = "wrong-type"        // no message that servers take
	ReasonNoIdentity       Reason = "no-identity"       // neither a client identifier nor a hardware address
	ReasonOversize         Reason = "oversize"          // a field is longer than its column
	ReasonNoAddress        Reason = "no-address"        // lacks the address that the message is about
	ReasonUnknownInterface Reason = "unknown-interface" // came in by an interface that cannot be named
	ReasonUnknownVRF       Reason = "unknown-vrf"       // a renewal past the relays that tell its VRF
	ReasonVRFMismatch      Reason = "vrf-mismatch"      // names relays of two VRFs
	ReasonNotRelayed       Reason = "not-relayed"       // direct packet of a client that UDP cannot reach
	ReasonNoSubnet         Reason = "no-subnet"         // no configured subnet matches
	ReasonNoServerID       Reason = "no-server-id"      // the interface has no address to be named by
	ReasonOtherServer      Reason = "other-server"      // names a live sibling, which answers
	ReasonForeignServer    Reason = "foreign-server"    // names a server that is none of ours
	ReasonDeclineLimit     Reason = "decline-limit"     // client, circuit or link has declined too many addresses
	ReasonNotOurs          Reason = "not-ours"          // unknown binding and not authoritative, or INIT-REBOOT (RFC 2131 4.3.2)
	ReasonNoBinding        Reason = "no-binding"        // RELEASE or DECLINE of a binding that is not there
	ReasonExhausted        Reason = "exhausted"         // no address is free
	ReasonDeadline         Reason = "deadline"          // no decision in time
	ReasonUnavailable      Reason = "unavailable"       // the database cannot be reached
	ReasonDenied           Reason = "denied"            // the database user lacks a privilege
	ReasonFenced           Reason = "fenced"            // this frontend's heartbeat is stale
	ReasonBusy             Reason = "busy"              // too many waiting, or the race was lost too often
	ReasonRefusedData      Reason = "refused-data"      // the database refused the values
	ReasonConfigBehind     Reason = "config-behind"     // a newer configuration did not arrive in time, or came too often
	ReasonEncode           Reason = "encode"            // the reply could not be built
	ReasonSendQueueFull    Reason = "send-queue-full"   // no room in the queue of the socket
	ReasonSendFailed       Reason = "send-failed"       // the system refused to send
	ReasonPanic            Reason = "panic"             // a fault of this program; logged with the packet
	ReasonInternal         Reason = "internal"          // an error that has no reason of its own
	ReasonUnicast          Reason = "unicast"           // a message that must not be sent to a server's own address
	ReasonServerIDNeeded   Reason = "server-id-needed"  // lacks the server identifier it must have
	ReasonServerIDExtra    Reason = "server-id-extra"   // has a server identifier it must not have
)

// Reasons lists every Reason.
func Reasons() []Reason {
	return []Reason{
		ReasonTruncated, ReasonCircuitLimit, ReasonRelayLimit, ReasonQueueFull, ReasonStale, ReasonNoConfig, ReasonMalformed, ReasonWrongType,
		ReasonNoIdentity, ReasonOversize, ReasonNoAddress, ReasonUnknownInterface, ReasonUnknownVRF, ReasonVRFMismatch, ReasonNotRelayed, ReasonNoSubnet,
		ReasonNoServerID, ReasonOtherServer, ReasonForeignServer, ReasonDeclineLimit, ReasonNotOurs, ReasonNoBinding,
		ReasonExhausted, ReasonDeadline, ReasonUnavailable, ReasonDenied, ReasonFenced, ReasonBusy, ReasonRefusedData,
		ReasonConfigBehind, ReasonEncode, ReasonSendQueueFull, ReasonSendFailed, ReasonPanic,
		ReasonInternal, ReasonUnicast, ReasonServerIDNeeded, ReasonServerIDExtra,
	}
}

// Drop is the error by which a step of the packet path ends it.
type Drop struct {
	Reason Reason
	Err    error // the cause; may be nil
}

func (d *Drop) Error() string {
	if d.Err == nil {
		return "drop packet: " + string(d.Reason)
	}
	return fmt.Sprintf("drop packet: %s: %v", d.Reason, d.Err)
}

// Unwrap returns the cause.
func (d *Drop) Unwrap() error { return d.Err }

// drop returns a Drop with its cause in the form of fmt.Errorf.
func drop(r Reason, format string, args ...any) error {
	return &Drop{Reason: r, Err: fmt.Errorf(format, args...)}
}

// reasonOf returns the reason that err stands for.
func reasonOf(err error) Reason {
	if d, ok := errors.AsType[*Drop](err); ok {
		return d.Reason
	}
	return ReasonInternal
}

// dropped is the one place where the end of a packet without an answer is
// counted and logged.
func (s *Server) dropped(p *packet, err error) {
	reason := reasonOf(err)
	s.metrics.dropped(p.family, reason)
	if s.log.Enabled(context.Background(), slog.LevelDebug) {
		s.log.Debug("packet dropped", "event", "packet.dropped", "family", p.family,
			"reason", reason, "from", p.src, "xid", xid(p), "err", err)
	}
	if reason == ReasonRefusedData {
		s.log.Error("database refused packet", "event", "packet.refused-data", "family", p.family,
			"from", p.src, "packet", hex.EncodeToString(p.data), "err", err)
	}
}

// xid returns the transaction id of a message in hex, "" if there is none.
func xid(p *packet) string {
	from, to := 4, 8 // RFC 2131 section 2
	if p.family == sqlstore.IPv6 {
		from, to = 1, 4 // RFC 9915 section 8; the hop count and more of a relayed message
	}
	if len(p.data) < to {
		return ""
	}
	return hex.EncodeToString(p.data[from:to])
}

// leaseDrop turns an error of the Leaser into a Drop.
func leaseDrop(err error) error {
	reason := ReasonInternal
	for _, c := range []struct {
		err    error
		reason Reason
	}{
		{sqlstore.ErrUnavailable, ReasonUnavailable}, // also where a driver names a deadline as the cause
		{context.DeadlineExceeded, ReasonDeadline},
		{context.Canceled, ReasonDeadline},
		{sqlstore.ErrDenied, ReasonDenied},
		{sqlstore.ErrFenced, ReasonFenced},
		{sqlstore.ErrSuperseded, ReasonConfigBehind},
		{sqlstore.ErrBusy, ReasonBusy},
		{sqlstore.ErrRetry, ReasonBusy},
		{sqlstore.ErrData, ReasonRefusedData},
	} {
		if errors.Is(err, c.err) {
			reason = c.reason
			break
		}
	}
	return &Drop{Reason: reason, Err: fmt.Errorf("decide lease: %w", err)}
}
