package admin

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestFormats(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 7: "7", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000"} {
		require.Equal(t, want, thousands(n))
	}
	for n, want := range map[uint64]string{0: "0", 254: "254", 65536: "65,536", 1 << 32: "2³²", 1 << 62: "2⁶²", ^uint64(0): "2⁶⁴"} {
		require.Equal(t, want, size(n))
	}
	for d, want := range map[time.Duration]string{
		-time.Second: "now", 999 * time.Millisecond: "now", time.Second: "1 s ago", 89 * time.Second: "89 s ago", 90 * time.Second: "1 min ago",
		89 * time.Minute: "89 min ago", 2 * time.Hour: "2 h ago", 50 * time.Hour: "2 days ago",
	} {
		require.Equal(t, want, moment(d))
	}
	for part, want := range map[float64]string{0: "0 %", 1e-9: "<0.1 %", 0.0123: "1.2 %", 0.5: "50 %", 0.999: "99 %", 1: "100 %"} {
		require.Equal(t, want, percent(part))
	}
	require.Equal(t, "1 conflict", plural(1, "conflict"))
	require.Equal(t, "2 conflicts", plural(2, "conflict"))
	require.Equal(t, `a.<wbr>b&lt;script&gt;c`, string(soft("a.b<script>c")))
	require.Equal(t, `2001:<wbr>db8:<wbr>:<wbr>1`, string(soft("2001:db8::1")))
	require.Equal(t, `192.0.2.0/24`, string(soft("192.0.2.0/24")))
	require.Empty(t, soft(""))
}

func TestSeconds(t *testing.T) {
	text, err := json.Marshal([]float64{seconds(1885600 * time.Microsecond), seconds(-time.Second), seconds(2 * time.Minute)})
	require.NoError(t, err)
	require.Equal(t, "[1.886,0,120]", string(text))
}
