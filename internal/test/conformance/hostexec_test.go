package conformance

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestHostExec runs what is known to fail for want of --host-exec with it.
func TestHostExec(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the tests of packages")
	}
	toaster := filepath.Join(execFolder(t), execName)
	for path, known := range knownTests {
		for name, reason := range known {
			if reason != execedByHost {
				continue
			}
			t.Run(path+"/"+name, func(t *testing.T) {
				p := standardPackage{path: path}
				cmd := exec.Command(toaster, "--host-exec", p.build(t), "-test.v", "-test.run="+exactly(name))
				cmd.Dir = p.dir()
				out, err := cmd.CombinedOutput()
				if strings.Contains(string(out), "cannot set up --host-exec") || strings.Contains(string(out), "ETOOMANYREFS") {
					t.Skip(string(out)) // the latter: in the namespace nobody may send descriptors, see hostlike.CanSend
				}
				if err != nil || !strings.Contains(string(out), "--- PASS: "+name+" ") {
					t.Errorf("%v\n%s", err, out)
				}
			})
		}
	}
}
