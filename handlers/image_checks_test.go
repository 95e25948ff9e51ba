package handlers

import (
	"errors"
	"strings"
	"testing"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// TestCopyChecks breaks each check, several at once, and none.
func TestCopyChecks(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		image   func(*ims.Image)
		err     error
		rules   string
		verdict ims.Verdict
	}{
		"fine":             {nil, nil, "", ims.Accepted},
		"not_there":        {nil, notFound(sourceID), "image-exists", ims.Refused},
		"not_active":       {func(i *ims.Image) { i.Status = ims.ImageSaving }, nil, "image-active", ims.Park},
		"public":           {func(i *ims.Image) { i.Type = typePublic }, nil, "image-not-public", ims.Refused},
		"whole":            {func(i *ims.Image) { i.Whole = true }, nil, "image-not-whole", ims.Refused},
		"iso":              {func(i *ims.Image) { i.VirtualEnv = envISO }, nil, "image-not-iso", ims.Refused},
		"shared_encrypted": {func(i *ims.Image) { i.Type, i.Encrypted = typeShared, true }, nil, "image-not-shared-encrypted", ims.Refused},
		"same_key":         {func(i *ims.Image) { i.CMKID, i.Encrypted = "k", true }, nil, "key-differs", ims.Refused},
		"saving_and_whole": {func(i *ims.Image) { i.Status, i.Whole = ims.ImageSaving, true }, nil, "image-active image-not-whole", ims.Refused},
		"cannot_be_asked":  {nil, &ims.Error{Call: "Image", Status: 503}, "", ims.Uncertain},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud := fakeCloud{image: func(string) (ims.Image, error) { return row(sourceID, test.image), test.err }}
			err := ask(t.Context(), copyImageChecks(), imageCopier(cloud), messages.CopyImage{ImageID: sourceID, Name: "n", CmkID: "k"})
			broken, _ := errors.AsType[Refusals](err)
			var rules []string
			for _, r := range broken {
				rules = append(rules, r.Rule)
			}
			if got := strings.Join(rules, " "); got != test.rules || ims.VerdictOf(err) != test.verdict {
				t.Errorf("broken %q, verdict %s of %v, want %q, %s", got, ims.VerdictOf(err), err, test.rules, test.verdict)
			}
			if len(broken.Problems()) != len(rules) {
				t.Errorf("problems %v", broken.Problems())
			}
		})
	}
}
