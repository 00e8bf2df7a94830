package load

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// segmentsOffered tells that the kernel can cut a datagram into packets.
const segmentsOffered = true

// appendSegmentSize writes the control message that has the kernel cut one
// datagram into packets of this size (Linux, udp(7), UDP_SEGMENT).
func appendSegmentSize(oob []byte, size int) []byte {
	n := len(oob)
	oob = append(oob, make([]byte, syscall.CmsgSpace(2))...)
	h := (*syscall.Cmsghdr)(unsafe.Pointer(&oob[n]))
	h.Level, h.Type = unix.SOL_UDP, unix.UDP_SEGMENT
	h.SetLen(syscall.CmsgLen(2))
	*(*uint16)(unsafe.Pointer(&oob[n+syscall.CmsgLen(0)])) = uint16(size)
	return oob
}
