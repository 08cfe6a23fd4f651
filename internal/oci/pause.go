package oci

// pause is "toaster oci pause ID", and resume its end.
func (c *call) pause(args []string) (int, error) { return c.simple(opPause, args) }

func (c *call) resume(args []string) (int, error) { return c.simple(opResume, args) }

// simple is a command that is one request.
func (c *call) simple(op string, args []string) (int, error) {
	t, err := c.load(args[0])
	if err != nil {
		return 0, err
	}
	_, err = t.ask(&request{Op: op})
	return 0, err
}
