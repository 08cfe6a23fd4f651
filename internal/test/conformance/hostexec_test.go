package conformance

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// execedByHost are tests, by package, that have nohup, a program of the host, execute the test
// binary.
var execedByHost = map[string][]string{"os/signal": {"TestDetectNohup", "TestNohup/nohup"}}

// TestHostExec runs them in the two ways in which programs of the host run a guest's.
func TestHostExec(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the tests of packages")
	}
	toaster := filepath.Join(execFolder(t), execName)
	for path, names := range execedByHost {
		p := standardPackage{path: path}
		exe := p.build(t)
		for _, name := range names {
			for _, way := range []string{"on", "binfmt"} {
				t.Run(path+"/"+name+"/"+way, func(t *testing.T) {
					cmd := exec.Command(toaster, "--host-exec="+way, exe, "-test.v", "-test.run="+exactly(name))
					cmd.Dir = p.dir()
					out, err := cmd.CombinedOutput()
					if strings.Contains(string(out), "cannot set up --host-exec=binfmt") || way == "binfmt" && strings.Contains(string(out), "ETOOMANYREFS") {
						t.Skip(string(out)) // the latter: in the namespace nobody may send descriptors, see hostlike.CanSend
					}
					if err != nil || !strings.Contains(string(out), "--- PASS: "+name+" ") {
						t.Errorf("%v\n%s", err, out)
					}
				})
			}
		}
	}
}
