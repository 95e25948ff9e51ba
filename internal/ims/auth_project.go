package ims

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// projects finds the project's id once.
type projects struct {
	cfg    Config
	do     link
	lookup *shared[string]
}

func newProjects(cfg Config, do link) *projects {
	p := &projects{cfg: cfg, do: do}
	p.lookup = &shared[string]{ask: p.ask, good: func(id string) bool { return id != "" }, factor: cfg.TimeFactor}
	return p
}

func (p *projects) get(ctx context.Context) (string, error) {
	if p.cfg.ProjectID != "" {
		return p.cfg.ProjectID, nil
	}
	return p.lookup.get(ctx)
}

func (p *projects) ask(ctx context.Context) (string, error) {
	k := projectCall(p.cfg)
	r, err := p.do(ctx, k)
	if err != nil {
		return "", asAuth(err)
	}
	var answer struct {
		Projects []struct {
			ID   text `json:"id"`
			Name text `json:"name"`
		} `json:"projects"`
	}
	if err := json.Unmarshal(r.body, &answer); err != nil {
		return "", p.failure(shape(err))
	}
	name := k.query.Get("name")
	for _, found := range answer.Projects {
		if found.Name.trim() == name && found.ID.trim() != "" {
			return found.ID.trim(), nil
		}
	}
	return "", p.failure(fmt.Errorf("IAM knows no project %q that these keys may use", name))
}

func (p *projects) failure(err error) *Error {
	return &Error{
		Call: "Project", Cloud: p.cfg.Cloud, Status: 404, Code: statusCode(404),
		NotSent: true, Err: err, auth: true,
	}
}

// asAuth marks an error of a call that only prepares another one: the other
// one was not sent.
func asAuth(err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	marked := *e
	marked.auth, marked.NotSent = true, true
	return &marked
}
