package main

// section is a row of the dashboard with what stands below it.
type section struct {
	title  string
	panels []panel
}

// panel shows one thing.
type panel struct {
	kind        kind
	title       string
	description string // what it means when it moves, and what to do
	unit        string // Grafana's word: short, s, percentunit, reqps
	width       int    // of 24
	queries     []query
	bad         bool // anything above 0 is shown in red
	stacked     bool
}

type kind string

const (
	stat  kind = "stat"
	graph kind = "timeseries"
	bars  kind = "bars"  // a graph of counts for each step
	table kind = "table" // what was in the time shown, largest first
)

// query is an expression and how its series are named.
type query struct{ expr, legend string }

func (p panel) height() int {
	if p.kind == stat {
		return statHeight
	}
	return graphHeight
}

// object is the panel in Grafana's form.
func (p panel) object(id int, at object) object {
	o := object{
		"id": id, "title": p.title, "description": p.description, "type": string(p.kind), "datasource": source, "gridPos": at,
		"targets": p.targets(), "fieldConfig": object{"defaults": p.defaults(), "overrides": []object{}}, "options": p.options(),
	}
	switch p.kind {
	case bars:
		o["type"] = string(graph)
	case table:
		o["transformations"] = []object{{"id": "organize", "options": object{"excludeByName": object{"Time": true}, "renameByName": object{"Value": "count"}}}}
	case stat, graph:
	}
	return o
}

func (p panel) targets() (targets []object) {
	for i, q := range p.queries {
		target := object{"refId": string(rune('A' + i)), "datasource": source, "expr": q.expr, "legendFormat": q.legend, "range": true, "instant": false}
		if p.kind == stat || p.kind == table {
			target["range"], target["instant"] = false, true
		}
		if p.kind == table {
			target["format"] = "table"
		}
		if p.kind == bars {
			target["interval"] = "1m"
		}
		targets = append(targets, target)
	}
	return targets
}

func (p panel) defaults() object {
	d := object{"unit": p.unit, "min": 0}
	if p.kind == stat {
		d["noValue"] = "0"
		d["color"], d["thresholds"] = object{"mode": "thresholds"}, thresholds(p.bad)
		return d
	}
	if p.kind == table {
		return d
	}
	custom := object{"drawStyle": "line", "lineWidth": 1, "fillOpacity": 10, "showPoints": "never", "stacking": object{"mode": "none"}}
	if p.stacked {
		custom["stacking"], custom["fillOpacity"] = object{"mode": "normal", "group": "A"}, 40
	}
	if p.kind == bars {
		custom["drawStyle"], custom["fillOpacity"] = "bars", 80
	}
	d["custom"], d["color"] = custom, object{"mode": "palette-classic"}
	return d
}

func thresholds(bad bool) object {
	steps := []object{{"color": "text", "value": nil}}
	if bad {
		steps = []object{{"color": "green", "value": nil}, {"color": "red", "value": 1}}
	}
	return object{"mode": "absolute", "steps": steps}
}

func (p panel) options() object {
	switch p.kind {
	case stat:
		return object{"reduceOptions": object{"calcs": []string{"lastNotNull"}, "fields": "", "values": false}, "colorMode": "value", "graphMode": "none", "textMode": "auto"}
	case table:
		return object{"showHeader": true, "sortBy": []object{{"displayName": "count", "desc": true}}}
	case graph, bars:
	}
	return object{"legend": object{"displayMode": "list", "placement": "bottom", "showLegend": true}, "tooltip": object{"mode": "multi", "sort": "desc"}}
}
