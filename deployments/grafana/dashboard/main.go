// Command dashboard writes Grafana's dashboard of the worker. What it shows
// stands in panels.go, a line each; this file turns that into Grafana's JSON.
// `make rules` asks a Prometheus with real scrapes for every expression.
package main

//go:generate go run . ../imsworker.json

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "dashboard: the file to write is wanted")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "dashboard:", err)
		os.Exit(1)
	}
}

func write(file string) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(dashboard()); err != nil {
		return err
	}
	return os.WriteFile(file, text.Bytes(), 0o600)
}

// object is a part of Grafana's classic model, which has more fields than are
// worth types.
type object map[string]any

// source is the data source that the reader chooses.
var source = object{"type": "prometheus", "uid": "${DS_PROMETHEUS}"}

// dashboard is the whole, under an id that links to it can rely on.
func dashboard() object {
	return object{
		"id": nil, "uid": "imsworker", "title": "imsworker", "tags": []string{"imsworker"}, "schemaVersion": 39, "version": 1, "editable": true,
		"description": "What runs, what waits and why, what failed, how long things take. deployments/grafana/dashboard makes it.",
		"time":        object{"from": "now-6h", "to": "now"}, "refresh": "30s", "timezone": "", "graphTooltip": 1, "fiscalYearStartMonth": 0,
		"annotations": object{"list": []object{}}, "links": []object{},
		"templating": object{"list": variables()},
		"panels":     layOut(rows()),
	}
}

func variables() []object {
	return []object{
		{"name": "DS_PROMETHEUS", "label": "Prometheus", "type": "datasource", "query": "prometheus", "current": object{}, "hide": 0},
		variable("job", "Installation", "label_values(imsworker_build_info, job)"),
		variable("cloud", "Cloud", `label_values(imsworker_requests_total{job=~"$job"}, cloud)`),
		variable("operation", "Operation", `label_values(imsworker_requests_total{job=~"$job", cloud=~"$cloud"}, operation)`),
	}
}

// variable is a choice of several values, all of them at first.
func variable(name, label, query string) object {
	return object{
		"name": name, "label": label, "type": "query", "datasource": source, "definition": query, "query": object{"query": query, "refId": name},
		"refresh": 2, "sort": 1, "multi": true, "includeAll": true, "allValue": ".*", "hide": 0,
		"current": object{"selected": true, "text": []string{"All"}, "value": []string{"$__all"}},
	}
}

// The grid that Grafana lays panels on.
const (
	gridWidth   = 24
	statHeight  = 4
	graphHeight = 8
)

// layOut puts the panels of each row beside each other, as wide as they are, in
// as many lines as that takes.
func layOut(rows []section) (panels []object) {
	id, y := 1, 0
	for _, s := range rows {
		panels = append(panels, object{"id": id, "type": "row", "title": s.title, "collapsed": false, "panels": []object{}, "gridPos": grid(0, y, gridWidth, 1)})
		id, y = id+1, y+1
		x, height := 0, 0
		for _, p := range s.panels {
			if x+p.width > gridWidth {
				x, y = 0, y+height
			}
			height = p.height()
			panels = append(panels, p.object(id, grid(x, y, p.width, height)))
			id, x = id+1, x+p.width
		}
		y += height
	}
	return panels
}

func grid(x, y, w, h int) object { return object{"x": x, "y": y, "w": w, "h": h} }
