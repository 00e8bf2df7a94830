//go:build !linux

package load

// segmentsOffered tells that the kernel cuts no datagram into packets.
const segmentsOffered = false

// appendSegmentSize is not called: packets are sent one by one.
func appendSegmentSize(oob []byte, _ int) []byte { return oob }
