package syscalls

import (
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	Index()
	os.Exit(m.Run())
}
