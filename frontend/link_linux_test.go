package frontend

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/bpf"
)

// TestBroadcastFilter runs the filter in the package's own virtual machine,
// without the instructions for packet type and VLAN tag, which only the kernel
// has: those are compared.
func TestBroadcastFilter(t *testing.T) {
	t.Parallel()
	raw, err := broadcastFilter(67)
	require.NoError(t, err)
	all, ok := bpf.Disassemble(raw)
	require.True(t, ok)
	last := len(all) - 1
	require.Equal(t, bpf.RetConstant{Val: 0}, all[last])
	refuse := func(at int) uint8 { return uint8(last - at - 1) }
	require.Equal(t, []bpf.Instruction{
		bpf.LoadExtension{Num: bpf.ExtType},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 3, SkipTrue: refuse(1)}, // PACKET_OTHERHOST
		bpf.LoadExtension{Num: bpf.ExtVLANTagPresent},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0, SkipTrue: refuse(3)},
	}, all[:4])
	vm, err := bpf.NewVM(all[4:])
	require.NoError(t, err)
	good := func() []byte { return frameOf([]byte("x"), "0.0.0.0:68", "255.255.255.255:67") }
	options := append(append(good()[:34:34], 1, 1, 1, 1), good()[34:]...)
	options[14] = 0x46
	for name, tc := range map[string]struct {
		frame []byte
		pass  bool
	}{
		"good":         {good(), true},
		"ip options":   {options, true},
		"unicast":      {frameOf(nil, "0.0.0.0:68", "192.0.2.1:67"), false},
		"port":         {frameOf(nil, "0.0.0.0:67", "255.255.255.255:68"), false},
		"arp":          {append(append(good()[:12:12], 8, 6), good()[14:]...), false},
		"fragment":     {append(append(good()[:20:20], 0x20, 0), good()[22:]...), false},
		"later one":    {append(append(good()[:20:20], 0, 9), good()[22:]...), false},
		"don't split":  {append(append(good()[:20:20], 0x40, 0), good()[22:]...), true},
		"tcp":          {append(append(good()[:23:23], 6), good()[24:]...), false},
		"nothing much": {[]byte{1, 2, 3}, false},
	} {
		n, err := vm.Run(tc.frame)
		require.NoError(t, err)
		require.Equal(t, tc.pass, n > 0, name)
	}
}
