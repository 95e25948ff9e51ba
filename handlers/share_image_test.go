package handlers

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

const (
	projectA = "edc89b490d7d4392898e19b2deb34797"
	projectB = "9c61004714024f9586705d090530f9fa"
)

// sharer is a cloud with members of images; what is not in images does not
// exist.
type sharer struct {
	members map[string][]ims.Member
	images  map[string]ims.Image
	vault   *ims.Vault
	own     string
	called  string
	sent    any
	err     error
}

func (f *sharer) AddMembers(_ context.Context, s ims.Shares) (string, error) {
	f.called, f.sent = "AddMembers", s
	return "job-1", f.err
}

func (f *sharer) DeleteMembers(_ context.Context, s ims.Shares) (string, error) {
	f.called, f.sent = "DeleteMembers", s
	return "job-1", f.err
}

func (f *sharer) AnswerMembers(_ context.Context, a ims.ShareAnswer) (string, error) {
	f.called, f.sent = "AnswerMembers", a
	return "job-1", f.err
}

func (f *sharer) Members(_ context.Context, id string) ([]ims.Member, error) {
	members, there := f.members[id]
	if !there {
		return nil, notFound(id)
	}
	return members, nil
}

func (f *sharer) Backup(_ context.Context, id string) (ims.Backup, error) {
	return ims.Backup{ID: id}, nil
}

func (f *sharer) OwnMember(_ context.Context, id string) (ims.Member, error) {
	for _, m := range f.members[id] {
		if m.ID == f.own {
			return m, nil
		}
	}
	return ims.Member{}, notFound(id)
}

func (f *sharer) Image(_ context.Context, id string) (ims.Image, error) {
	image, there := f.images[id]
	if !there {
		return ims.Image{}, notFound(id)
	}
	return image, nil
}

func (f *sharer) Vault(_ context.Context, id string) (ims.Vault, error) {
	if f.vault == nil {
		return ims.Vault{}, notFound(id)
	}
	return *f.vault, nil
}

func shareData(images, projects string) messages.ShareImage {
	return messages.ShareImage{Images: strings.Fields(images), Projects: strings.Fields(projects)}
}

func TestSubmitShare(t *testing.T) {
	t.Parallel()
	data := shareData("a b", projectA)
	data.Domains, data.Organizations = []string{"d"}, []string{"o"}
	want := ims.Shares{Images: []string{"a", "b"}, Projects: []string{projectA}, Domains: []string{"d"}, Organizations: []string{"o"}}
	for share, call := range map[bool]string{true: "AddMembers", false: "DeleteMembers"} {
		cloud := &sharer{}
		done, err := submitShare(t.Context(), cloud, data, share)
		if done != (Submission{JobID: "job-1"}) || err != nil || cloud.called != call || !reflect.DeepEqual(cloud.sent, want) {
			t.Errorf("share %t: %+v, %v; called %s with %+v", share, done, err, cloud.called, cloud.sent)
		}
	}
}

// told writes members as "image project status".
func told(members []messages.Member) string {
	var words []string
	for _, m := range members {
		words = append(words, m.ImageID+" "+m.ProjectID+" "+m.Status)
	}
	return strings.Join(words, ", ")
}

func TestFindShares(t *testing.T) {
	t.Parallel()
	cloud := &sharer{members: map[string][]ims.Member{"a": {{ID: "p", Status: "pending"}, {ID: "q", Status: "accepted"}}, "b": {{ID: "p", Status: "rejected"}}}}
	for name, c := range map[string]struct {
		data  messages.ShareImage
		share bool
		want  string
	}{
		"shared":         {shareData("a b", "p"), true, "a p success, b p success"},
		"one is missing": {shareData("a b", "p q"), true, "a p success, a q success, b p success, b q missing"},
		"taken away":     {shareData("b", "q x"), false, "b q success, b x success"},
		"still there":    {shareData("b", "p q"), false, "b p missing, b q success"},
	} {
		found, err := findShares(t.Context(), cloud, c.data, c.share)
		missing := strings.Contains(c.want, "missing")
		if told(found.Result.Members) != c.want || found.Done == missing || errors.Is(err, ErrNotFound) != missing {
			t.Errorf("%s: %t %q, %v", name, found.Done, told(found.Result.Members), err)
		}
	}
	if _, err := findShares(t.Context(), cloud, shareData("c", "p"), true); !errors.Is(err, ims.ErrNotFound) {
		t.Errorf("image that is gone: %v", err)
	}
}

// TestReadMembers: each item of a job counts, and what a job does not tell has
// to be looked at.
func TestReadMembers(t *testing.T) {
	t.Parallel()
	row := func(image, project, status string) ims.MemberResult {
		return ims.MemberResult{ImageID: image, ProjectID: project, Status: status}
	}
	want := wantedMembers(shareData("a b", "p"))
	for name, c := range map[string]struct {
		results []ims.MemberResult
		told    string
		failed  string
		unnamed bool
	}{
		"all":                   {[]ims.MemberResult{row("a", "p", "success"), row("B", "P", "success")}, "a p success, b p success", "", false},
		"one failed":            {[]ims.MemberResult{row("a", "p", "success"), row("b", "p", "failed")}, "a p success, b p failed", "1 of 2 images and recipients were not done: image b with p: failed", false},
		"projects left out":     {[]ims.MemberResult{row("a", "", "success"), row("b", "", "success")}, "a p success, b p success", "", false},
		"left out, one failed":  {[]ims.MemberResult{row("a", "", "success"), row("b", "", "failed")}, "", "", true},
		"nothing told":          {nil, "", "", true},
		"one not told":          {[]ims.MemberResult{row("a", "p", "success")}, "", "", true},
		"told of other members": {[]ims.MemberResult{row("a", "x", "success"), row("b", "y", "success")}, "", "", true},
	} {
		got := readMembers(want, ims.Job{Results: c.results})
		if told(got.Result.Members) != c.told || got.Failed != c.failed || got.Unnamed != c.unnamed {
			t.Errorf("%s: %+v", name, got)
		}
	}
	many := readMembers(wantedMembers(shareData("a", "1 2 3 4 5 6 7")), ims.Job{Results: []ims.MemberResult{
		row("a", "1", "failed"), row("a", "2", "failed"), row("a", "3", "failed"), row("a", "4", "failed"), row("a", "5", "failed"), row("a", "6", "failed"), row("a", "7", "success"),
	}})
	if !strings.HasPrefix(many.Failed, "6 of 7 ") || !strings.HasSuffix(many.Failed, "image a with 5: failed; and others") {
		t.Errorf("failed %q", many.Failed)
	}
}

func TestShareChecks(t *testing.T) {
	t.Parallel()
	cloud := &sharer{images: map[string]ims.Image{
		"fine": {ID: "fine", Status: ims.ImageActive, Type: "private"}, "public": {ID: "public", Status: ims.ImageActive, Type: typePublic},
		"theirs": {ID: "theirs", Status: ims.ImageActive, Type: typeShared}, "saving": {ID: "saving", Status: ims.ImageSaving, Type: "private"},
	}}
	checks := ofImages[messages.ShareImage, imageSharer](func(d messages.ShareImage) []string { return d.Images },
		imageOwn, imagePrivate.with("IMG.0089", "2.10, 2.13"), imageActive.with("IMG.0046", "2.10"))
	for images, want := range map[string]string{
		"fine": "", "public": "IMG.0089", "theirs": "IMG.0047", "saving": "IMG.0046", "none": "IMG.0027",
		"fine public theirs saving none": "IMG.0027 IMG.0047 IMG.0089 IMG.0046",
	} {
		err := ask(t.Context(), checks, imageSharer(cloud), shareData(images, projectA))
		var codes []string
		if broken, ok := errors.AsType[Refusals](err); ok {
			for _, r := range broken {
				if e, ok := errors.AsType[*ims.Error](r.Err); ok {
					codes = append(codes, e.Code)
				}
			}
		}
		if got := strings.Join(codes, " "); got != want {
			t.Errorf("%s: refused with %q (%v), want %q", images, got, err, want)
		}
	}
}

func TestSubmitAnswer(t *testing.T) {
	t.Parallel()
	cloud := &sharer{}
	done, err := submitAnswer(t.Context(), cloud, messages.AnswerShare{Images: []string{"a"}, Status: "accepted", VaultID: "v"}, Call{Key: key})
	if done != (Submission{JobID: "job-1"}) || err != nil || !reflect.DeepEqual(cloud.sent, ims.ShareAnswer{Images: []string{"a"}, Status: "accepted", VaultID: "v"}) {
		t.Errorf("%+v, %v; sent %+v", done, err, cloud.sent)
	}
}

func TestFindAnswers(t *testing.T) {
	t.Parallel()
	cloud := &sharer{own: "me", members: map[string][]ims.Member{"a": {{ID: "me", Status: "accepted"}}, "b": {{ID: "me", Status: "pending"}}}}
	for images, want := range map[string]string{"a": "a me success", "a b": "a me success, b me missing"} {
		data := messages.AnswerShare{Images: strings.Fields(images), Status: "accepted"}
		found, err := findAnswers(t.Context(), cloud, data, Search{})
		missing := strings.Contains(want, "missing")
		if told(found.Result.Members) != want || found.Done == missing || errors.Is(err, ErrNotFound) != missing {
			t.Errorf("%s: %+v, %v", images, found, err)
		}
	}
	o := readMembers(answeredMembers(messages.AnswerShare{Images: []string{"a"}}), ims.Job{Results: []ims.MemberResult{{ImageID: "a", ProjectID: "me", Status: "success"}}})
	if told(o.Result.Members) != "a me success" || o.Unnamed || o.Failed != "" {
		t.Errorf("outcome %+v", o)
	}
}

func TestAnswerChecks(t *testing.T) {
	t.Parallel()
	good := &ims.Vault{ID: "v", ObjectType: "server", Status: "available"}
	cloud := func(v *ims.Vault) *sharer {
		return &sharer{own: "me", vault: v, members: map[string][]ims.Member{"whole": {{ID: "me"}}, "plain": {{ID: "me"}}},
			images: map[string]ims.Image{"whole": {ID: "whole", Whole: true}, "plain": {ID: "plain"}}}
	}
	data := func(image, status, vault string) messages.AnswerShare {
		return messages.AnswerShare{Images: []string{image}, Status: status, VaultID: vault}
	}
	expectCode(t, checkShared(t.Context(), cloud(nil), data("plain", "accepted", "")), "")
	expectCode(t, checkShared(t.Context(), cloud(nil), data("none", "accepted", "")), "IMG.0027")
	expectCode(t, checkVaultGiven(t.Context(), cloud(nil), data("plain", "accepted", "")), "")
	expectCode(t, checkVaultGiven(t.Context(), cloud(nil), data("whole", "rejected", "")), "")
	expectCode(t, checkVaultGiven(t.Context(), cloud(nil), data("whole", "accepted", "")), "IMG.0184")
	expectCode(t, checkVaultGiven(t.Context(), cloud(nil), data("whole", "accepted", "v")), "")
	expectCode(t, vaultFits(t.Context(), cloud(nil), "v"), "IMG.0184")
	expectCode(t, vaultFits(t.Context(), cloud(good), "v"), "")
	expectCode(t, vaultFits(t.Context(), cloud(&ims.Vault{ObjectType: "disk"}), "v"), "IMG.0193")
	expectCode(t, vaultFits(t.Context(), cloud(&ims.Vault{ObjectType: "server", Status: "frozen"}), "v"), "IMG.0188")
}
