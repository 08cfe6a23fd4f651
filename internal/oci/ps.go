package oci

import (
	"flag"
	"fmt"
	"os"
	"text/tabwriter"
)

// bindPs is "toaster oci ps ID".
func bindPs(set *flag.FlagSet) action {
	var format string
	both(set, "format f", func(n string) { set.StringVar(&format, n, "table", formats) })
	return func(c *call, args []string) (int, error) { return 0, c.ps(args[0], format) }
}

// formats says of --format what it can be.
const formats = "`table|json`: how to print"

// errFormat is for another one.
func errFormat(s string) error { return fmt.Errorf("--format %s: there are table and json", s) }

// ps prints as JSON the pids on the host, which are the kernel's and the relays', as a table the processes
// of the machine under their own numbers.
func (c *call) ps(id, format string) error {
	t, err := c.load(id)
	if err != nil {
		return err
	}
	a, err := t.ask(&request{Op: opPs})
	switch {
	case err != nil:
		return err
	case format == "json":
		return printJSON(a.Hosts)
	case format != "table":
		return errFormat(format)
	}
	w := tabwriter.NewWriter(os.Stdout, 6, 1, 2, ' ', 0)
	fmt.Fprintln(w, "UID\tPID\tPPID\tCOMMAND")
	for _, p := range a.Procs {
		fmt.Fprintf(w, "%d\t%d\t%d\t%s\n", p.UID, p.Pid, p.Ppid, p.Comm)
	}
	return w.Flush()
}
