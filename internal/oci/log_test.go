package oci

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFailNamesTheSpeakerOnce: a shim shows the last error of the log behind a name of its own.
func TestFailNamesTheSpeakerOnce(t *testing.T) {
	name := filepath.Join(t.TempDir(), "log")
	log, err := newLogger(name, "json", false)
	if err != nil {
		t.Fatal(err)
	}
	log.fail(errors.New("toaster: /bin/none: no such file or directory"))
	b, err := os.ReadFile(name)
	if err != nil || !strings.Contains(string(b), `"level":"error","msg":"/bin/none: no such file or directory"`) {
		t.Errorf("the log has %q, %v", b, err)
	}
}
