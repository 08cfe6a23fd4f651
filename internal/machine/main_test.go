package machine

import (
	"os"
	"testing"

	"toaster/internal/syscalls"
)

// Systems of these tests are made by hand, without New.
func TestMain(m *testing.M) {
	syscalls.Index()
	os.Exit(m.Run())
}
