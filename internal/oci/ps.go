package oci

import (
	"fmt"
	"os"
	"text/tabwriter"
)

// ps is "toaster oci ps ID": as JSON the pids on the host, which are the kernel's and the relays', as a table the processes
// of the machine under their own numbers.
func (c *call) ps(args []string) (int, error) {
	set := newFlagSet("ps")
	var format string
	both(set, "format f", func(n string) { set.StringVar(&format, n, "table", "") })
	rest, err := parse(set, args, 1, -1) // runc takes options of ps(1) behind the id
	if err != nil {
		return 0, err
	}
	t, err := c.load(rest[0])
	if err != nil {
		return 0, err
	}
	a, err := t.ask(&request{Op: opPs})
	switch {
	case err != nil:
		return 0, err
	case format == "json":
		return 0, printJSON(a.Hosts)
	case format != "table":
		return 0, fmt.Errorf("--format %s: there are table and json", format)
	}
	w := tabwriter.NewWriter(os.Stdout, 6, 1, 2, ' ', 0)
	fmt.Fprintln(w, "UID\tPID\tPPID\tCOMMAND")
	for _, p := range a.Procs {
		fmt.Fprintf(w, "%d\t%d\t%d\t%s\n", p.UID, p.Pid, p.Ppid, p.Comm)
	}
	return 0, w.Flush()
}
