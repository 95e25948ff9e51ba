package ops

import (
	_ "embed"
	"html/template"
	"net/http"
)

//go:embed page.html
var pageSource string

var page = template.Must(template.New("page").Parse(pageSource))

// startPage shows version, readiness and links, without a script and without anything from elsewhere.
func startPage(o Options) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		holding, missing := o.Health.Conditions()
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		data := struct {
			Build            Build
			Holding, Missing []string
			Notes            []string
		}{o.Build, holding, missing, o.Health.Notes()}
		if err := page.Execute(w, data); err != nil {
			o.Log.Debug("start page not written to its end", "error", err)
		}
	}
}
