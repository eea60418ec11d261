package view

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/velospm/velos"
)

func TestALongNameIsShortenedBeforeColumnsGo(t *testing.T) {
	long := "payments-" + strings.Repeat("x", 40) + "-worker"
	sp := velos.NewSpec()
	sp.Name = long
	apps := []velos.App{{ID: 1, Spec: sp, Status: velos.Online, Instances: []velos.Instance{{Status: velos.Online, PID: 7}}}}
	for _, width := range []int{0, 40, 60, 80, 200} {
		var b buffer
		Options{Width: width}.listTable(&b, apps)
		text := string(b.b)
		for _, line := range strings.Split(text, "\n") {
			if n := utf8.RuneCountInString(line); width > 0 && n > width {
				t.Errorf("width %d: a line has %d columns: %s", width, n, line)
			}
		}
		if whole := strings.Contains(text, long); whole != (width == 0 || width == 200) {
			t.Errorf("width %d: %s", width, text)
		}
		if width == 80 && (!strings.Contains(text, "payments-x") || !strings.Contains(text, "-worker") || !strings.Contains(text, "uptime")) {
			t.Errorf("width 80: %s", text)
		}
	}
}
