package ims

import (
	"errors"
	"reflect"
	"testing"
)

const jobAnswer = `{"job_id":"j-1"}`

func TestMemberCalls(t *testing.T) {
	t.Parallel()
	const at = "/v1/cloudimages/members"
	s := play(t,
		step{method: "POST", path: at, status: 200, reply: jobAnswer, body: `{"images":["i"],"projects":["p","q"]}`},
		step{method: "DELETE", path: at, status: 200, reply: jobAnswer, body: `{"images":["i"],"domains":["d"],"organizations":["o"]}`},
		step{method: "PUT", path: at, status: 200, reply: jobAnswer, body: `{"images":["i"],"project_id":"` + testProject + `","status":"accepted","vault_id":"v"}`},
		step{method: "PUT", path: at, status: 200, reply: jobAnswer, body: `{"images":["i"],"project_id":"p","status":"rejected"}`},
	)
	c := dial(t, keyConfig(s.URL))
	for _, ask := range []func() (string, error){
		func() (string, error) {
			return c.AddMembers(t.Context(), Shares{Images: []string{"i"}, Projects: []string{"p", "q"}})
		},
		func() (string, error) {
			return c.DeleteMembers(t.Context(), Shares{Images: []string{"i"}, Domains: []string{"d"}, Organizations: []string{"o"}})
		},
		func() (string, error) {
			return c.AnswerMembers(t.Context(), ShareAnswer{Images: []string{"i"}, Status: MemberAccepted, VaultID: "v"})
		},
		func() (string, error) {
			return c.AnswerMembers(t.Context(), ShareAnswer{Images: []string{"i"}, ProjectID: "p", Status: MemberRejected})
		},
	} {
		if id, err := ask(); id != "j-1" || err != nil {
			t.Errorf("job %q, %v", id, err)
		}
	}
}

// TestAnswerWithoutProject: an answer for a project that IAM does not tell is
// surely not sent.
func TestAnswerWithoutProject(t *testing.T) {
	t.Parallel()
	s := play(t, step{status: 200, reply: `{"projects":[]}`})
	cfg := keyConfig(s.URL)
	cfg.ProjectID = ""
	c := dial(t, cfg)
	_, err := c.AnswerMembers(t.Context(), ShareAnswer{Images: []string{"i"}, Status: MemberAccepted})
	if v := VerdictOf(err); err == nil || v == Uncertain || v == Accepted {
		t.Errorf("verdict %v of %v", v, err)
	}
}

func TestMembers(t *testing.T) {
	t.Parallel()
	const native = `{"members":[{"member_id":"p","status":"Accepted"},{"member_id":"q","status":"pending"}],"schema":"/v2/schemas/members"}`
	s := play(t,
		step{method: "GET", path: "/v2/images/i/members", status: 200, reply: native},
		step{method: "GET", path: "/v2/images/i/members", status: 200, reply: `{}`},
		step{method: "GET", path: "/v2/images/i/members", status: 404, reply: `{}`},
		step{method: "GET", path: "/v2/images/i/members/" + testProject, status: 200, reply: `{"member_id":"` + testProject + `","status":"rejected"}`},
		step{method: "GET", path: "/v2/images/i/members/" + testProject, status: 200, reply: `{}`},
	)
	c := dial(t, keyConfig(s.URL))
	got, err := c.Members(t.Context(), "i")
	if want := []Member{{"p", "accepted"}, {"q", "pending"}}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := c.Members(t.Context(), "i"); err == nil {
		t.Error("an answer without members is taken")
	}
	if _, err := c.Members(t.Context(), "i"); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	if m, err := c.OwnMember(t.Context(), "i"); m.Status != MemberRejected || err != nil {
		t.Errorf("%v, %v", m, err)
	}
	if _, err := c.OwnMember(t.Context(), "i"); err == nil {
		t.Error("an answer without a status is taken")
	}
}

// TestMembersOnHuawei: the newer query has pages, and may be missing.
func TestMembersOnHuawei(t *testing.T) {
	t.Parallel()
	const at = "/v1/" + testProject + "/cloudimages/i/members"
	s := play(t,
		step{method: "GET", path: at, status: 200, reply: `{"members":[{"member_id":"p","status":"pending"}],"page_info":{"current_count":1,"next_marker":"m"}}`},
		step{method: "GET", path: at + "?marker=m", status: 200, reply: `{"members":[{"urn":"o:1","member_id":"x","status":"pending"}],"page_info":{"next_marker":null}}`},
		step{method: "GET", path: at, status: 404, reply: `{"error_code":"APIGW.0101","error_msg":"m"}`},
		step{method: "GET", path: "/v2/images/i/members", status: 200, reply: `{"members":[]}`},
	)
	cfg := keyConfig(s.URL)
	cfg.Profile = ProfileHuawei
	c := dial(t, cfg)
	got, err := c.Members(t.Context(), "i")
	if want := []Member{{"p", "pending"}, {"o:1", "pending"}}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := c.Members(t.Context(), "i"); err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
}
