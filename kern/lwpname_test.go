package kern

import (
	"strings"
	"testing"

	"toaster/netbsd"
)

// _lwp_setname(2) keeps MAXCOMLEN - 1 bytes of a longer name and reports no error
// (sys__lwp_setname, sys_lwp.c: ENAMETOOLONG of copyinstr is as good as 0).
func TestLWPNameIsTruncated(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			for set, want := range map[string]string{
				"":                      "",
				strings.Repeat("x", 15): strings.Repeat("x", 15),
				"sixteen bytes 16":      "sixteen bytes 1",
				strings.Repeat("y", 99): strings.Repeat("y", 15),
			} {
				w.is("set "+set, l.LWPSetName(0, set), netbsd.Errno(0))
				got, errno := l.LWPGetName(l.ID())
				w.is("get", []any{got, errno}, []any{want, netbsd.Errno(0)})
			}
		})
	})
}
