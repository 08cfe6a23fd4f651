package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// drawing is what an SVG has: its elements, and all its text.
type drawing struct {
	elements []xml.StartElement
	texts    []string
}

func parseSVG(t *testing.T, svg []byte) drawing {
	t.Helper()
	var d drawing
	open := 0
	for dec := xml.NewDecoder(bytes.NewReader(svg)); ; {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("not well-formed: %v\n%s", err, svg)
		}
		switch x := token.(type) {
		case xml.StartElement:
			open++
			d.elements = append(d.elements, x.Copy())
		case xml.EndElement:
			open--
		case xml.CharData:
			d.texts = append(d.texts, string(x))
		}
	}
	if open != 0 || len(d.elements) == 0 || d.elements[0].Name.Space != "http://www.w3.org/2000/svg" || d.elements[0].Name.Local != "svg" {
		t.Fatalf("not an SVG:\n%s", svg)
	}
	return d
}

func (d drawing) has(text string) bool {
	for _, have := range d.texts {
		if have == text {
			return true
		}
	}
	return false
}

// number returns an attribute, which is a number.
func number(t *testing.T, e xml.StartElement, name string) float64 {
	t.Helper()
	for _, a := range e.Attr {
		if a.Name.Local == name {
			v, err := strconv.ParseFloat(a.Value, 64)
			if err != nil {
				t.Errorf("%s of %s is %q", name, e.Name.Local, a.Value)
			}
			return v
		}
	}
	t.Errorf("%s has no %s", e.Name.Local, name)
	return math.NaN()
}

func TestPlotHasEachRow(t *testing.T) {
	d := parseSVG(t, newPlot(sample(4)).draw())
	for _, want := range []string{"20,000 <stat> & more", "spawn, at once: 8", "toaster", "gVisor", "4.04×", "0.51×", "1.50×", "1×",
		"toaster, 20,000 <stat> & more: 4.04x (4.00-4.08)"} {
		if !d.has(want) {
			t.Errorf("the picture does not say %q", want)
		}
	}
	if d.has("toaster's own") {
		t.Error("a row without a ratio has been drawn")
	}
}

// TestPlotIsReadable: in light and dark, and by those who do not see it; nothing lies outside.
func TestPlotIsReadable(t *testing.T) {
	for _, slow := range []float64{0.01, 1, 1.01, 4, 900} {
		svg := newPlot(sample(slow)).draw()
		d := parseSVG(t, svg)
		for _, want := range []string{"prefers-color-scheme: dark", `role="img"`, "<title>", `class="page"`} {
			if !strings.Contains(string(svg), want) {
				t.Errorf("no %s", want)
			}
		}
		width, height := number(t, d.elements[0], "width"), number(t, d.elements[0], "height")
		for _, e := range d.elements {
			switch e.Name.Local {
			case "rect":
				x, y := number(t, e, "x"), number(t, e, "y")
				if w, h := number(t, e, "width"), number(t, e, "height"); x < 0 || y < 0 || w < 1 || h < 1 || x+w > width || y+h > height {
					t.Errorf("%v× slower: a bar from %v,%v of %v times %v", slow, x, y, w, h)
				}
			case "text":
				if x, y := number(t, e, "x"), number(t, e, "y"); !(x >= 0 && x < width && y > 0 && y < height) {
					t.Errorf("%v× slower: text at %v,%v", slow, x, y)
				}
			}
		}
	}
}

// Bars are as long as the logarithm of their ratio: twice native is as far from one as half is.
func TestPlotScale(t *testing.T) {
	p := &plot{low: 0.25, top: 4}
	one := p.x(1)
	if left, right := one-p.x(0.5), p.x(2)-one; math.Abs(left-right) > 1e-9 || left <= 0 || p.x(4) != plotRight || p.x(0.25) != plotLeft {
		t.Errorf("half is %v to the left, twice %v to the right", left, right)
	}
	if got := (&plot{low: 0.6, top: 30}).ticks(); len(got) != 5 || got[0] != 1 || got[4] != 20 {
		t.Errorf("the scale shows %v", got)
	}
}

func TestPlotOfNothing(t *testing.T) {
	name := filepath.Join(t.TempDir(), "p.svg")
	if err := writePlot(name, new(results)); err == nil || exists(name) {
		t.Errorf("a picture of nothing: %v", err)
	}
}
