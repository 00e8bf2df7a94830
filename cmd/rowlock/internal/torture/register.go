package torture

import (
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"

	"rowlock/cmd/rowperf/load"
)

// searchTime bounds the search for an order, of all addresses together.
const searchTime = 30 * time.Second

// step is an operation on the register that an address is: a holding begins,
// which needs an address that nobody, or the same client, has; or it ends.
type step struct {
	prefix netip.Prefix
	owner
	end bool
}

// owner is the state of the register: the holding, by its number, and its client.
// The zero owner is nobody.
type owner struct {
	number, client int
}

// ownership is the model of all addresses, each for itself.
var ownership = porcupine.Model{
	Partition: func(history []porcupine.Operation) (parts [][]porcupine.Operation) {
		byPrefix := map[netip.Prefix][]porcupine.Operation{}
		for _, o := range history {
			p := o.Input.(step).prefix
			byPrefix[p] = append(byPrefix[p], o)
		}
		for _, part := range byPrefix {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() any { return owner{} },
	Step: func(state, input, _ any) (bool, any) {
		has, s := state.(owner), input.(step)
		switch {
		case !s.end:
			return has.number == 0 || has.client == s.client, s.owner
		case has == s.owner:
			return true, owner{}
		}
		return true, has // the client has begun a new holding, or another one has
	},
}

// register looks for addresses whose history no order of grants and ends
// explains. A grant took effect between request and answer. An end (expiry,
// RELEASE or DECLINE) has no answer: it takes effect at some time after the
// client last counted on the lease, or never.
func (r *Record) register(hs []load.Holding) (out []Violation) {
	var history []porcupine.Operation
	for i, h := range hs {
		begin := step{h.Prefix, owner{i + 1, h.Client}, false}
		end := begin
		end.end = true
		history = append(history,
			porcupine.Operation{ClientId: h.Client, Input: begin, Call: h.Sent.UnixNano(), Return: h.From.UnixNano()},
			porcupine.Operation{ClientId: h.Client, Input: end, Call: h.To.UnixNano(), Return: math.MaxInt64})
	}
	parts := ownership.Partition(history)
	slices.SortFunc(parts, func(a, b []porcupine.Operation) int {
		return a[0].Input.(step).prefix.Addr().Compare(b[0].Input.(step).prefix.Addr())
	})
	deadline := time.Now().Add(searchTime)
	for _, part := range parts {
		p := part[0].Input.(step).prefix
		switch porcupine.CheckOperationsTimeout(ownership, part, max(time.Until(deadline), time.Millisecond)) {
		case porcupine.Illegal:
			out = append(out, Violation{NotARegister, p, "no order of grants and ends explains who had it"})
		case porcupine.Unknown:
			out = append(out, Violation{NotARegister, p, "no order of grants and ends was found in time"})
		}
	}
	return out
}
