package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// form is the number of the form of files with results. It grows when an older bench would
// misread them.
const form = 1

// results are what a run has measured, as files have it.
type results struct {
	Form   int       `json:"form"`
	Date   time.Time `json:"date"`
	Commit string    `json:"commit,omitempty"`
	Host   host      `json:"host"`
	// Load is the host's load average of a minute, before and after.
	Load    [2]float64 `json:"load"`
	Rounds  int        `json:"rounds"`
	Systems []string   `json:"systems"`
	Rows    []*result  `json:"rows"`
}

type host struct {
	CPU    string `json:"cpu"`
	CPUs   int    `json:"cpus"`
	Kernel string `json:"kernel"`
	Go     string `json:"go"`
}

// result is what there is of a row.
type result struct {
	Name    string             `json:"name"`
	About   string             `json:"about"`
	Unit    string             `json:"unit"`
	Aim     float64            `json:"aim,omitempty"`
	Scale   bool               `json:"scale,omitempty"`
	Figures map[string]*figure `json:"figures"` // by the names of systems
	// Missing says why systems have no figures; the reason under "" is that of them all.
	Missing map[string]string `json:"missing,omitempty"`
	failed  map[string]bool   // which of these should have had some
}

// figure is one system's part of a row.
type figure struct {
	Values []float64 `json:"values"` // one a round
	Value  spread    `json:"value"`
	Ratio  *spread   `json:"ratio,omitempty"` // to native; native itself has none
}

// begin makes results without rows.
func begin(ctx context.Context, w *workshop, rounds int) *results {
	res := &results{Form: form, Date: time.Now().UTC().Truncate(time.Second), Rounds: rounds, Commit: commit(ctx)}
	for _, s := range w.systems {
		res.Systems = append(res.Systems, s.name)
	}
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	res.Host = host{cpu(), runtime.NumCPU(), strings.TrimSpace(string(kernel)), runtime.Version()}
	res.Load[0] = load1()
	return res
}

// add makes room for a row, and row returns it.
func (res *results) add(r row) *result {
	added := &result{Name: r.name, About: r.about, Unit: r.unit, Aim: r.aim, Scale: r.scale, Figures: map[string]*figure{}}
	res.Rows = append(res.Rows, added)
	return added
}

func (res *results) row(r row) *result { return res.find(r.name) }

func (res *results) find(name string) *result {
	for _, r := range res.Rows {
		if r.Name == name {
			return r
		}
	}
	return nil
}

func (r *result) put(system string, value float64) {
	f := r.Figures[system]
	if f == nil {
		f = new(figure)
		r.Figures[system] = f
	}
	f.Values = append(f.Values, value)
}

// miss notes why a system has no figures, and drops those it had.
func (r *result) miss(system, reason string) {
	if r.Missing == nil {
		r.Missing = map[string]string{}
	}
	r.Missing[system] = reason
	delete(r.Figures, system)
}

// fail is miss for what should have worked.
func (r *result) fail(system string, err error) {
	r.miss(system, err.Error())
	if r.failed == nil {
		r.failed = map[string]bool{}
	}
	r.failed[system] = true
}

// failure is an error if anything failed that should not have. What gVisor cannot do is not
// toaster's failure; the table says it.
func (res *results) failure() error {
	var errs []error
	for _, r := range res.Rows {
		for _, system := range res.Systems {
			if r.failed[system] && system != gvisor {
				errs = append(errs, fmt.Errorf("%s under %s: %s", r.Name, system, r.Missing[system]))
			}
		}
	}
	return errors.Join(errs...)
}

// finish computes what follows from the values.
func (res *results) finish() {
	res.Load[1] = load1()
	res.summarize()
}

func (res *results) summarize() {
	for _, r := range res.Rows {
		base := r.Figures[native]
		for name, f := range r.Figures {
			f.Value, f.Ratio = summarize(f.Values), nil
			if base != nil && name != native {
				ratio := summarize(ratios(f.Values, base.Values))
				f.Ratio = &ratio
			}
		}
	}
}

func (res *results) store(name string) error {
	b, err := json.MarshalIndent(res, "", "\t")
	if err != nil {
		return err
	}
	return replace(name, append(b, '\n'))
}

// replace writes a file, which is the old one or the new one at each moment.
func replace(name string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b)
	if err := errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

// load reads what store has written. Medians and ratios are computed anew, from the values.
func load(name string) (*results, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var res results
	if err := json.Unmarshal(b, &res); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if res.Form != form {
		return nil, fmt.Errorf("%s: not results of form %d: it has form %d", name, form, res.Form)
	}
	for _, r := range res.Rows {
		if r == nil {
			return nil, fmt.Errorf("%s: a row is null", name)
		}
		for system, f := range r.Figures {
			if f == nil || len(f.Values) == 0 {
				return nil, fmt.Errorf("%s: %s has no values of %s", name, r.Name, system)
			}
		}
	}
	res.summarize()
	return &res, nil
}

// commit names what has been measured, as far as git knows.
func commit(ctx context.Context) string {
	out, _ := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty").Output()
	return strings.TrimSpace(string(out))
}

func cpu() string {
	b, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(b)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

func load1() float64 {
	b, _ := os.ReadFile("/proc/loadavg")
	first, _, _ := strings.Cut(string(b), " ")
	f, _ := strconv.ParseFloat(first, 64)
	return f
}
