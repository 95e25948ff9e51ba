package broker

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

const codeSubjectsOverlap = 10065

// overlaps turns each change that gives a stream its subjects into a manual one
// if another stream takes some of them: the server allows only one. Without the
// right to list streams by subject it finds nothing; the server then refuses.
func (c *Conn) overlaps(ctx context.Context, plan Plan, want []Stream) error {
	asking, cancel := context.WithTimeout(ctx, changeTimeout)
	defer cancel()
	settled := make(map[string]bool) // Apply has given these their subjects by then
	for _, w := range want {
		settled[w.Config.Name] = true
		i := slices.IndexFunc(plan, func(x Change) bool { return x.Stream == w.Config.Name && x.givesSubjects() })
		if i < 0 {
			continue
		}
		taken, err := c.taken(asking, w.Config.Subjects, settled)
		if refused(ctx, err) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(taken) > 0 {
			plan[i] = overlap(plan[i], w.Config.Subjects, taken)
		}
	}
	return nil
}

func (c Change) givesSubjects() bool {
	return c.Consumer == "" && (c.Action == ActionCreate || c.Field == "subjects")
}

// taken says which streams take any of subjects, and which of them each takes.
func (c *Conn) taken(ctx context.Context, subjects []string, except map[string]bool) (map[string][]string, error) {
	taken := make(map[string][]string)
	for _, subject := range subjects {
		var answer struct {
			Streams []string `json:"streams"`
		}
		if err := c.ask(ctx, "STREAM.NAMES", map[string]string{"subject": subject}, &answer); err != nil {
			return nil, fmt.Errorf("look which streams take %s: %w", subject, err)
		}
		for _, name := range answer.Streams {
			if !except[name] {
				taken[name] = append(taken[name], subject)
			}
		}
	}
	return taken, nil
}

func overlap(c Change, subjects []string, taken map[string][]string) Change {
	others := slices.Sorted(maps.Keys(taken))
	remedies := make([]string, 0, len(others))
	for _, name := range others {
		remedies = append(remedies, fmt.Sprintf("stream %s takes %s already: give it other subjects, or delete it", name, list(taken[name])))
	}
	c.Action, c.Field, c.Should = ActionManual, "subjects", list(subjects)
	c.Is, c.Remedy = "taken by "+strings.Join(others, " "), strings.Join(remedies, "; ")
	return c
}
