package ddns

import (
	"cmp"
	"errors"
	"fmt"
	"net"

	"github.com/miekg/dns"
)

// verdict is what a reply means for the names of the message.
type verdict uint8

const (
	done     verdict = iota + 1 // all changes are made
	unmet                       // a prerequisite does not hold; nothing is changed
	unfit                       // the server will never take the message; nothing is changed
	refused                     // refused without a reason: a name's fault or the server's
	noAnswer                    // the server cannot be used now; what it did is not known
)

// answer is what became of a message.
type answer struct {
	verdict verdict
	code    string // for the metric: an RCODE, or what happened instead
	err     error  // nil for done
	replied bool   // the server is there
	late    bool   // it is there, but did not answer in time
	unknown bool   // it may have made the changes all the same, now or later
}

var (
	errWrongID  = errors.New("the reply has another id")
	errUnsigned = errors.New("the reply is not signed")
	errNoReply  = errors.New("what came back is no reply to an update")
)

// judge says what a reply, or its absence, means. A reply that is not signed
// with the key is not believed, but for refusals that mend themselves.
func judge(srv server, r *dns.Msg, err error) answer {
	if r == nil {
		return lost(err)
	}
	sig := r.IsTsig()
	switch {
	case sig != nil && sig.Error != dns.RcodeSuccess:
		code := dns.RcodeToString[int(sig.Error)]
		return answer{verdict: noAnswer, code: tsigCode(code), err: fmt.Errorf("TSIG: %s", cmp.Or(code, "error")), replied: true}
	case errors.Is(err, dns.ErrAuth): // its code alone says so; its signature was not looked at
		return judgeCode(dns.RcodeNotAuth)
	case err != nil:
		return unbelieved(fmt.Errorf("read reply: %w", err))
	case !r.Response || r.Opcode != dns.OpcodeUpdate:
		return unbelieved(errNoReply)
	case srv.key != "" && sig == nil && believed(r.Rcode):
		return unbelieved(fmt.Errorf("%w: %s", errUnsigned, dns.RcodeToString[r.Rcode]))
	}
	return judgeCode(r.Rcode)
}

// believed tells whether an outcome changes what we think of a name.
func believed(rcode int) bool {
	return rcode != dns.RcodeRefused && rcode != dns.RcodeServerFailure && rcode != dns.RcodeNotAuth
}

func judgeCode(rcode int) answer {
	code, known := dns.RcodeToString[rcode]
	if !known {
		return answer{verdict: noAnswer, code: "OTHER", err: fmt.Errorf("RCODE %d", rcode), replied: true}
	}
	a := answer{verdict: noAnswer, code: code, err: errors.New(code), replied: true}
	switch rcode {
	case dns.RcodeSuccess:
		a.verdict, a.err = done, nil
	case dns.RcodeYXDomain, dns.RcodeYXRrset, dns.RcodeNXRrset, dns.RcodeNameError:
		a.verdict = unmet
	case dns.RcodeFormatError, dns.RcodeNotZone, dns.RcodeNotImplemented:
		a.verdict = unfit
	case dns.RcodeRefused, dns.RcodeServerFailure:
		a.verdict = refused
	case dns.RcodeNotAuth:
	default:
		a.code = "OTHER"
	}
	return a
}

// tsigCode is the label for an error of a signature.
func tsigCode(code string) string {
	switch code {
	case "BADSIG", "BADKEY", "BADTIME":
		return code
	}
	return "OTHER"
}

// unbelieved is a reply that may be anybody's.
func unbelieved(err error) answer {
	return answer{verdict: noAnswer, code: "BADREPLY", err: err, replied: true, unknown: true}
}

// lost says what it means that there is no reply. Without a connection nothing
// was sent.
func lost(err error) answer {
	a := answer{verdict: noAnswer, code: "NETWORK", err: err}
	op, _ := errors.AsType[*net.OpError](err)
	a.unknown = op == nil || op.Op != "dial"
	if n, ok := errors.AsType[net.Error](err); ok && n.Timeout() {
		a.code, a.late = "TIMEOUT", a.unknown
	}
	return a
}

// codes are the values of the label rcode.
var codes = []string{
	"NOERROR", "YXDOMAIN", "YXRRSET", "NXRRSET", "NXDOMAIN", "FORMERR", "NOTZONE", "NOTIMP", "REFUSED", "SERVFAIL", "NOTAUTH",
	"BADSIG", "BADKEY", "BADTIME", "BADREPLY", "TIMEOUT", "NETWORK", "UNSENT", "OTHER",
}
