package oci

import (
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// stateText is what state and list print of a container: the specification's state, with what runc adds.
type stateText struct {
	Version     string            `json:"ociVersion"`
	ID          string            `json:"id"`
	Pid         int               `json:"pid"`
	Status      string            `json:"status"`
	Bundle      string            `json:"bundle"`
	Rootfs      string            `json:"rootfs"`
	Created     time.Time         `json:"created"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Owner       string            `json:"owner"`
}

// text is the container's state now. A container that has stopped has no process.
func (t *container) text() stateText {
	s := stateText{
		Version: t.Version, ID: t.ID, Pid: t.Pid, Status: t.status(), Bundle: t.Bundle, Rootfs: t.Rootfs,
		Created: t.Created, Annotations: t.Annotations, Owner: t.Owner,
	}
	if s.Status == stopped {
		s.Pid = 0
	}
	return s
}

// state is "toaster oci state ID".
func (c *call) state(args []string) (int, error) {
	t, err := c.load(args[0])
	if err != nil {
		return 0, err
	}
	return 0, printJSON(t.text())
}

// printJSON prints a value for people and programs.
func printJSON(v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err == nil {
		_, err = fmt.Fprintf(os.Stdout, "%s\n", b)
	}
	return err
}
