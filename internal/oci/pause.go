package oci

// pause is "toaster oci pause ID", and resume its end.
func (c *call) pause(args []string) (int, error) { return c.simple("pause", opPause, args) }

func (c *call) resume(args []string) (int, error) { return c.simple("resume", opResume, args) }

// simple is a command that is one request.
func (c *call) simple(name, op string, args []string) (int, error) {
	rest, err := parse(newFlagSet(name), args, 1, 1)
	if err != nil {
		return 0, err
	}
	t, err := c.load(rest[0])
	if err != nil {
		return 0, err
	}
	_, err = t.ask(&request{Op: op})
	return 0, err
}
