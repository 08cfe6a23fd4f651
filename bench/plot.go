package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"math"
	"slices"
)

// writePlot draws results into a file: the ratios of each row as bars, on a logarithmic scale.
func writePlot(name string, res *results) error {
	p := newPlot(res)
	if len(p.rows) == 0 {
		return errors.New("-plot: there are no ratios to draw")
	}
	return replace(name, p.draw())
}

// Lengths of the picture, in pixels.
const (
	plotWidth  = 860
	plotLeft   = 290 // where the bars' part begins
	plotRight  = plotWidth - 70
	plotTop    = 84
	barHeight  = 11
	rowSpace   = 9 // between the bars of two rows
	plotBottom = 40
	valueWidth = 38 // of a bar's number
)

// plot is a picture in the making.
type plot struct {
	rows     []*result
	systems  []string // without native, which is the line at 1
	low, top float64  // the ends of the scale, ratios
	out      bytes.Buffer
}

func newPlot(res *results) *plot {
	p := &plot{low: 1, top: 2}
	for _, name := range res.Systems {
		if name != native {
			p.systems = append(p.systems, name)
		}
	}
	for _, r := range res.Rows {
		drawn := false
		for _, name := range p.systems {
			if f := r.Figures[name]; f != nil && f.Ratio != nil {
				drawn = true
				p.low, p.top = min(p.low, f.Ratio.Low), max(p.top, f.Ratio.High)
			}
		}
		if drawn {
			p.rows = append(p.rows, r)
		}
	}
	return p
}

// x is where a ratio lies.
func (p *plot) x(ratio float64) float64 {
	part := math.Log(ratio/p.low) / math.Log(p.top/p.low)
	return plotLeft + part*(plotRight-plotLeft)
}

func (p *plot) rowHeight() int { return len(p.systems)*barHeight + rowSpace }

func (p *plot) height() int { return plotTop + len(p.rows)*p.rowHeight() + plotBottom }

// draw returns the picture. It brings a background of its own, as a page can be dark where the
// reader's system, which the colours follow, is light.
func (p *plot) draw() []byte {
	fmt.Fprintf(&p.out, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" role="img">
<title>What things cost, native being 1</title>
<style>%s</style>
<rect class="page" x="0.5" y="0.5" width="%d" height="%d" rx="6"/>
`, plotWidth, p.height(), style, plotWidth-1, p.height()-1)
	p.text(16, 28, "title", "start", "What things cost, native being 1: shorter is better, the scale is logarithmic")
	p.legend()
	p.grid()
	for i, r := range p.rows {
		p.row(plotTop+i*p.rowHeight(), r)
	}
	p.out.WriteString("</svg>\n")
	return p.out.Bytes()
}

const style = `
text { font: 12px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600 } .axis, .value { font-size: 10px; fill: #59636e }
.page { fill: #ffffff; stroke: #d1d9e0 } .grid { stroke: #e4e8ec } .one { stroke: #59636e }
.s0 { fill: #c2500a } .s1 { fill: #4a7fb5 } .s2 { fill: #7a8b3c }
.spread, .aim { stroke: #1f2328 } .aim { stroke-width: 2 }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc } .axis, .value { fill: #9198a1 }
.page { fill: #0d1117; stroke: #3d444d } .grid { stroke: #262c36 } .one { stroke: #9198a1 }
.s0 { fill: #f0883e } .s1 { fill: #5b9bd5 } .s2 { fill: #a5b95a }
.spread, .aim { stroke: #f0f6fc }
}
`

// class is the style of a system's bars.
func class(i int) string { return fmt.Sprintf("s%d", i%3) }

func (p *plot) legend() {
	x := 16
	for i, name := range p.systems {
		p.rect(float64(x), 42, 12, barHeight, class(i), "")
		p.text(float64(x+18), 52, "", "start", name)
		x += 110
	}
	p.line(float64(x), 42, float64(x), 53, "aim")
	p.text(float64(x+8), 52, "", "start", "aimed at")
	p.line(float64(x+110), 47.5, float64(x+130), 47.5, "spread")
	p.text(float64(x+136), 52, "", "start", "spread of the rounds")
}

// grid draws the line of native, and those of other ratios, with their numbers.
func (p *plot) grid() {
	bottom := float64(p.height() - plotBottom + 4)
	for _, ratio := range p.ticks() {
		name := "grid"
		if ratio == 1 {
			name = "one"
		}
		p.line(p.x(ratio), plotTop-8, p.x(ratio), bottom, name)
		p.text(p.x(ratio), bottom+14, "axis", "middle", fmt.Sprintf("%g×", ratio))
	}
}

// ticks are the ratios 1, 2 and 5 times a power of ten that the scale has.
func (p *plot) ticks() []float64 {
	var list []float64
	for e := math.Floor(math.Log10(p.low)); math.Pow(10, e) <= p.top; e++ {
		for _, m := range []float64{1, 2, 5} {
			if t := m * math.Pow(10, e); t >= p.low && t <= p.top {
				list = append(list, t)
			}
		}
	}
	return slices.Compact(list)
}

// row draws a row with its bars, of which the first begins at y.
func (p *plot) row(y int, r *result) {
	middle := float64(y) + float64(len(p.systems)*barHeight)/2
	p.text(plotLeft-12, middle+4, "", "end", r.About)
	for i, name := range p.systems {
		if f := r.Figures[name]; f != nil && f.Ratio != nil {
			p.bar(float64(y+i*barHeight), i, name+", "+r.About, *f.Ratio, r.Aim)
		}
	}
	if r.Aim >= p.low && r.Aim <= p.top {
		p.line(p.x(r.Aim), float64(y-2), p.x(r.Aim), float64(y+len(p.systems)*barHeight+1), "aim")
	}
}

// bar goes from native's line to the ratio, to the left where that is less. Its number stands
// behind it, and not on the mark of the aim.
func (p *plot) bar(y float64, i int, about string, ratio spread, aim float64) {
	from, to := p.x(min(1, ratio.Median)), p.x(max(1, ratio.Median))
	p.rect(from, y, max(to-from, 1), barHeight-1, class(i), about+": "+withSpread(ratio, ""))
	middle := y + float64(barHeight-1)/2
	p.line(p.x(ratio.Low), middle, p.x(ratio.High), middle, "spread")
	end := max(to, p.x(ratio.High))
	if aim > 0 && p.x(aim) > end-2 && p.x(aim) < end+valueWidth {
		end = p.x(aim)
	}
	p.text(end+5, y+9, "value", "start", times(ratio.Median)+"×")
}

func (p *plot) rect(x, y, width, height float64, class, title string) {
	fmt.Fprintf(&p.out, `<rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="%.1f">`, class, x, y, width, height)
	if title != "" {
		fmt.Fprintf(&p.out, "<title>%s</title>", escaped(title))
	}
	fmt.Fprintln(&p.out, "</rect>")
}

func (p *plot) line(x1, y1, x2, y2 float64, class string) {
	fmt.Fprintf(&p.out, `<line class="%s" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`+"\n", class, x1, y1, x2, y2)
}

func (p *plot) text(x, y float64, class, anchor, text string) {
	fmt.Fprintf(&p.out, `<text class="%s" x="%.1f" y="%.1f" text-anchor="%s">%s</text>`+"\n", class, x, y, anchor, escaped(text))
}

func escaped(text string) string {
	var b bytes.Buffer
	xml.EscapeText(&b, []byte(text)) // a buffer takes all
	return b.String()
}
