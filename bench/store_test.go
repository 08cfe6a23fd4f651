package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// sample are results of two rows and three systems; slow is how many times longer than natively toaster takes.
func sample(slow float64) *results {
	res := &results{
		Form: form, Date: time.Date(2026, 11, 27, 5, 0, 0, 0, time.UTC), Commit: "abc", Rounds: 3,
		Host: host{"CPU", 2, "6.1", "go1"}, Load: [2]float64{0.5, 1}, Systems: []string{native, toaster, gvisor},
	}
	stat := res.add(row{name: "stat", about: "20,000 <stat> & more", unit: inTime, aim: 2})
	grow := res.add(row{name: "spawn/8", about: "spawn, at once: 8", unit: inTime, scale: true})
	weight := res.add(row{name: "mem/hello-own", about: "toaster's own", unit: inBytes, scale: true, of: toaster})
	for i := range 3 {
		noise := 1 + 0.01*float64(i)
		stat.put(native, 1e6)
		stat.put(toaster, 1e6*slow*noise)
		stat.put(gvisor, 0.5e6*noise)
		grow.put(native, 1e6)
		grow.put(toaster, 1.5e6)
		weight.put(toaster, 10<<20*slow)
	}
	grow.fail(gvisor, os.ErrPermission)
	res.summarize()
	return res
}

func TestStoreAndLoad(t *testing.T) {
	name := filepath.Join(t.TempDir(), "r.json")
	stored := sample(4)
	if err := stored.store(name); err != nil {
		t.Fatal(err)
	}
	loaded, err := load(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range stored.Rows {
		r.failed = nil // this is of the run alone
	}
	if !reflect.DeepEqual(stored, loaded) {
		t.Errorf("stored %+v, loaded %+v", stored, loaded)
	}
	if left, _ := filepath.Glob(name + "*"); len(left) != 1 {
		t.Errorf("store has left %v", left)
	}
}

// TestForm writes down the names in a file, for those who read it with something else.
func TestForm(t *testing.T) {
	name := filepath.Join(t.TempDir(), "r.json")
	if err := sample(4).store(name); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Form    int
		Host    map[string]any
		Systems []string
		Rows    []struct {
			Name, About, Unit string
			Aim               float64
			Figures           map[string]struct {
				Values []float64
				Value  map[string]float64
				Ratio  map[string]float64
			}
			Missing map[string]string
		}
	}
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	r := file.Rows[0]
	f := r.Figures["toaster"]
	if file.Form != 1 || file.Host["kernel"] != "6.1" || len(file.Systems) != 3 || r.Name != "stat" || r.Unit != "ns" || r.Aim != 2 ||
		len(f.Values) != 3 || f.Value["median"] != 4.04e6 || f.Ratio["median"] != 4.04 || f.Ratio["low"] != 4 || f.Ratio["high"] < 4.07 {
		t.Errorf("the file is\n%s", b)
	}
	if r.Figures["native"].Ratio != nil || file.Rows[1].Missing["gVisor"] == "" || file.Rows[2].Unit != "bytes" {
		t.Errorf("the file is\n%s", b)
	}
}

// What load takes from a file are values alone: medians that somebody has changed do not count.
func TestLoadComputesAnew(t *testing.T) {
	name := filepath.Join(t.TempDir(), "r.json")
	changed := sample(4)
	changed.Rows[0].Figures[toaster].Ratio.Median = 1
	if err := changed.store(name); err != nil {
		t.Fatal(err)
	}
	if res, err := load(name); err != nil || res.Rows[0].Figures[toaster].Ratio.Median != 4.04 {
		t.Errorf("%v, %v", res, err)
	}
}

func TestLoadRefuses(t *testing.T) {
	dir := t.TempDir()
	for text, want := range map[string]string{
		"":           "unexpected end",
		"[]":         "cannot unmarshal",
		`{}`:         "form 0",
		`{"form":9}`: "form 9",
		`{"form":1,"rows":[{"name":"x","figures":{"toaster":{"values":[]}}}]}`: "x has no values of toaster",
		`{"form":1,"rows":[{"name":"x","figures":{"toaster":null}}]}`:          "x has no values of toaster",
		`{"form":1,"rows":[null]}`: "a row is null",
	} {
		name := filepath.Join(dir, "r.json")
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := load(name); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), name) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
