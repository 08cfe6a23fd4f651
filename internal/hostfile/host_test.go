package hostfile

import "testing"

// newHost makes the host's side of a machine that ends with the test.
func newHost(t *testing.T) *Host {
	h := NewHost()
	t.Cleanup(h.Close)
	return h
}
