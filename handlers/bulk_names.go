package handlers

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// defaultBulkName gives a copy the name of its image.
const defaultBulkName = "{{ .Image.Name }}"

// bulkWords are the placeholders of names. They are no language: what strangers
// send is only ever put in their place.
var bulkWords = []string{".Image.Name", ".Image.ID", ".Image.Date", ".Target.Cloud", ".Target.Region", ".Date"}

var placeholderForm = regexp.MustCompile(`\{\{\s*([^{}]*?)\s*\}\}`)

func bulkNameRules(d messages.BulkCopy) (ps messages.Problems) {
	check := func(field, text string) {
		for _, found := range placeholderForm.FindAllStringSubmatch(text, -1) {
			if !slices.Contains(bulkWords, found[1]) {
				ps.Add(field, "has the placeholder %s; known are %s", brief(found[0]), strings.Join(bulkWords, ", "))
			}
		}
		if rest := placeholderForm.ReplaceAllString(text, ""); strings.ContainsAny(rest, "{}") {
			ps.Add(field, "has a brace that belongs to no placeholder; write one as {{ .Image.Name }}")
		}
	}
	check("name_template", d.NameTemplate)
	for i, t := range d.Targets {
		check(fmt.Sprintf("targets[%d].name", i), t.Name)
	}
	return ps
}

// bulkName is the name of the copy of an image at a target, or why there is
// none. One that is too long is cut, with the image's id at its end.
func bulkName(i ims.Image, d messages.BulkCopy, target int, to BulkTarget, on time.Time) (string, *messages.Failure) {
	template := or(d.Targets[target].Name, or(d.NameTemplate, defaultBulkName))
	values := map[string]string{
		".Image.Name": i.Name, ".Image.ID": i.ID, ".Image.Date": day(i.CreatedAt), ".Target.Cloud": to.Cloud, ".Target.Region": to.Region, ".Date": day(on),
	}
	name := placeholderForm.ReplaceAllStringFunc(template, func(found string) string {
		return values[placeholderForm.FindStringSubmatch(found)[1]]
	})
	name = shortened(strings.TrimSpace(name), i.ID[:min(8, len(i.ID))], mostName)
	switch problems := nameRules(name, to.Profile); {
	case len(problems) > 0 || !soundName.MatchString(name):
		return "", &messages.Failure{
			Reason: messages.ReasonInvalid, Message: fmt.Sprintf("the name %s is none that the destination takes", brief(name)),
			Remedy: "Give a name or name_template of letters, digits, '-', '.', '_' and spaces inside.",
		}
	}
	return name, nil
}

// mostName is how long the name of an image may be (API reference 4.4).
const mostName = 128

var soundName = regexp.MustCompile(`^[A-Za-z0-9._一-鿿㐀-䶿-](?:[A-Za-z0-9._ 一-鿿㐀-䶿-]*[A-Za-z0-9._一-鿿㐀-䶿-])?$`)

func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("20060102")
}
