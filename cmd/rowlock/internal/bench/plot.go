package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-analyze/charts"
)

// plot is a drawing that stands in the folder bench beside the document.
type plot struct {
	file, title string
	svg         []byte
}

type plots []plot

// links are the drawings for the document.
func (p plots) links() string {
	var out strings.Builder
	for _, v := range p {
		fmt.Fprintf(&out, "\n![%s](bench/%s)\n", v.title, v.file)
	}
	return out.String()
}

// write makes the files below a folder.
func (p plots) write(dir string) error {
	dir = filepath.Join(dir, "bench")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, v := range p {
		if err := os.WriteFile(filepath.Join(dir, v.file), v.svg, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// plots draws what there are figures for.
func (r *results) plots() (out plots, err error) {
	for _, draw := range []func() (plot, error){r.ratePlot, r.cpuPlot, r.lanesPlot, r.growthPlot} {
		p, err := draw()
		if err != nil {
			return nil, err
		}
		if p.svg != nil {
			out = append(out, p)
		}
	}
	return out, nil
}

// bars are groups of horizontal bars: a value for each label and series.
type bars struct {
	file, title string
	series      []string
	labels      []string
	values      [][]float64 // by series, then label
}

func (v bars) plot() (plot, error) {
	if len(v.labels) == 0 {
		return plot{}, nil
	}
	// the first label is to be at the top
	labels := slices.Clone(v.labels)
	slices.Reverse(labels)
	for i := range v.values {
		v.values[i] = slices.Clone(v.values[i])
		slices.Reverse(v.values[i])
	}
	opt := charts.NewBarChartOptionWithData(v.values)
	opt.Horizontal = true
	opt.Title = charts.TitleOption{Text: v.title, FontStyle: charts.NewFontStyleWithSize(13)}
	if len(v.series) > 1 {
		opt.Legend = charts.LegendOption{SeriesNames: v.series, Offset: charts.OffsetStr{Top: "26"}}
	}
	opt.CategoryAxis.Labels = labels
	opt.CategoryAxis.LabelFontStyle = charts.NewFontStyleWithSize(10)
	opt.ValueFormatter = number
	for i := range opt.SeriesList {
		opt.SeriesList[i].Label.Show = new(true)
		opt.SeriesList[i].Label.ValueFormatter = number
	}
	height := 110 + len(v.labels)*(14+16*len(v.series))
	return draw(v.file, v.title, height, func(p *charts.Painter) error { return p.BarChart(opt) })
}

func draw(file, title string, height int, chart func(*charts.Painter) error) (plot, error) {
	p := charts.NewPainter(charts.PainterOptions{OutputFormat: charts.ChartOutputSVG, Width: 800, Height: height})
	if err := chart(p); err != nil {
		return plot{}, fmt.Errorf("draw %s: %w", file, err)
	}
	svg, err := p.Bytes()
	if err != nil {
		return plot{}, fmt.Errorf("draw %s: %w", file, err)
	}
	return plot{file: file, title: title, svg: append(svg, '\n')}, nil
}

// perfdhcpPlot shows one unit of Kea and Rowlock on each engine.
func (r *results) perfdhcpPlot(file, title, unit string) (plot, error) {
	v := bars{file: file, title: title, series: []string{unit}, values: make([][]float64, 1)}
	for _, name := range r.below("Perfdhcp/v4/") {
		engine, server, _ := strings.Cut(name, "/")
		value, _ := r.median("Perfdhcp/v4/"+name, unit)
		v.labels, v.values[0] = append(v.labels, engineName(server+"/"+engine)), append(v.values[0], value)
	}
	return v.plot()
}

func (r *results) ratePlot() (plot, error) {
	return r.perfdhcpPlot("rate.svg", "New DHCPv4 clients by perfdhcp, at most 1 % dropped: exchanges/s", rateUnit)
}

func (r *results) cpuPlot() (plot, error) {
	return r.perfdhcpPlot("cpu.svg", "New DHCPv4 clients by perfdhcp: CPU us of server and database per exchange", cpuUnit)
}

// growthPlot shows the cases of new clients by what they cost.
func (r *results) growthPlot() (plot, error) {
	v := bars{file: "growth.svg", title: "CPU us per exchange of a new DHCPv4 client as things grow"}
	var cases []string
	for _, name := range r.below("Growth/") {
		engine, what, _ := strings.Cut(name, "/")
		text := caseName(what)
		if !strings.HasPrefix(text, "new clients") && !strings.HasSuffix(text, "frontends") && what != "subnets" {
			continue
		}
		if name := engineName(engine); !slices.Contains(v.series, name) {
			v.series, v.values = append(v.series, name), append(v.values, nil)
		}
		if !slices.Contains(cases, what) {
			cases, v.labels = append(cases, what), append(v.labels, strings.TrimPrefix(text, "new clients, "))
		}
	}
	for i, engine := range v.series {
		for _, what := range cases {
			cpu, ok := r.median("Growth/"+engineKey(engine)+"/"+what, cpuUnit)
			if !ok {
				cpu = charts.GetNullValue()
			}
			v.values[i] = append(v.values[i], cpu)
		}
	}
	return v.plot()
}

func engineKey(name string) string {
	for key, v := range engineNames {
		if v == name {
			return key
		}
	}
	return name
}

// lanesPlot shows what a batch saves, for DHCPv4.
func (r *results) lanesPlot() (plot, error) {
	var engines, sizes []string
	for _, name := range r.below("Lanes/") {
		engine, size, ok := strings.Cut(name, "/v4/batch=")
		if !ok {
			continue
		}
		if !slices.Contains(engines, engine) {
			engines = append(engines, engine)
		}
		if !slices.Contains(sizes, size) {
			sizes = append(sizes, size)
		}
	}
	if len(sizes) < 2 {
		return plot{}, nil
	}
	var values [][]float64
	var names []string
	for _, e := range engines {
		var line []float64
		for _, s := range sizes {
			rate, ok := r.median("Lanes/"+e+"/v4/batch="+s, rateUnit)
			if !ok {
				rate = charts.GetNullValue()
			}
			line = append(line, rate)
		}
		values, names = append(values, line), append(names, engineName(e))
	}
	const title = "The store alone, DHCPv4: exchanges/s by items in a batch"
	opt := charts.NewLineChartOptionWithData(values)
	opt.Title = charts.TitleOption{Text: title, FontStyle: charts.NewFontStyleWithSize(13)}
	opt.Legend = charts.LegendOption{SeriesNames: names, Offset: charts.OffsetStr{Top: "26"}}
	opt.XAxis.Labels = sizes
	opt.ValueFormatter = number
	return draw("lanes.svg", title, 340, func(p *charts.Painter) error { return p.LineChart(opt) })
}
