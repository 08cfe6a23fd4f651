package oci

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"text/tabwriter"
	"time"
)

// bindList is "toaster oci list".
func bindList(set *flag.FlagSet) action {
	var quiet bool
	var format string
	both(set, "quiet q", func(n string) { set.BoolVar(&quiet, n, false, "print the names alone") })
	both(set, "format f", func(n string) { set.StringVar(&format, n, "table", formats) })
	return func(c *call, _ []string) (int, error) { return 0, c.list(quiet, format) }
}

func (c *call) list(quiet bool, format string) error {
	list, err := c.containers()
	if err != nil {
		return err
	}
	switch {
	case quiet:
		for _, s := range list {
			fmt.Println(s.ID)
		}
		return nil
	case format == "json":
		return printJSON(list)
	case format == "table":
		return printTable(list)
	}
	return errFormat(format)
}

// containers returns the states of all containers below --root. One that is deleted meanwhile is none.
func (c *call) containers() ([]stateText, error) {
	entries, err := os.ReadDir(c.root)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	list := []stateText{}
	for _, e := range entries {
		if t, err := c.load(e.Name()); err == nil {
			list = append(list, t.text())
		}
	}
	return list, nil
}

func printTable(list []stateText) error {
	w := tabwriter.NewWriter(os.Stdout, 12, 1, 3, ' ', 0)
	fmt.Fprintln(w, "ID\tPID\tSTATUS\tBUNDLE\tCREATED\tOWNER")
	for _, s := range list {
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\n", s.ID, s.Pid, s.Status, s.Bundle, s.Created.Format(time.RFC3339Nano), s.Owner)
	}
	return w.Flush()
}
