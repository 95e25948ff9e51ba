package app_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imsworker/imsworker/internal/fakecloud"
)

// Ways to name the demo's project, and to log in there.
const (
	byID      = "project_id: " + fakecloud.DemoProjectID + ", ak: " + fakecloud.DemoAccessKey + ", sk: " + fakecloud.DemoSecretKey
	byName    = "project_name: eu-de, username: " + fakecloud.DemoUsername + ", password: " + fakecloud.DemoPassword + ", user_domain_name: " + fakecloud.DemoDomain
	byNothing = "ak: " + fakecloud.DemoAccessKey + ", sk: " + fakecloud.DemoSecretKey
	byOther   = "project_id: " + otherProject + ", ak: " + fakecloud.DemoAccessKey + ", sk: " + fakecloud.DemoSecretKey
)

// writeEntries writes clouds.yaml with entries that all stand for the demo's
// cloud, by their names, and what each says of project and credentials.
func (s *system) writeEntries(entries ...[2]string) {
	s.t.Helper()
	url := s.cloud.URL + "/" + fakecloud.DemoCloud
	text := "clouds:\n"
	for _, e := range entries {
		text += strings.NewReplacer("NAME", e[0], "AUTH", e[1], "URL", url).Replace(`  NAME:
    profile: otc
    region_name: eu-de
    auth: {auth_url: URL/v3, AUTH}
    image_endpoint_override: URL
    cbr_endpoint_override: URL
    block_storage_endpoint_override: URL
    imsworker: {time_factor: 50}
`)
	}
	if err := os.WriteFile(filepath.Join(s.dir, "clouds.yaml"), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// logged waits until the worker has said something n times.
func (s *system) logged(words string, n int) {
	s.t.Helper()
	s.await("the log to say "+words, func() bool { return strings.Count(s.logs.String(), words) >= n })
}

// TestProjectInOtherWords: while a request is in flight, its cloud's entry may
// name the same project in other words and log in in another way, but not name
// another project, nor one that the cloud does not tell of.
func TestProjectInOtherWords(t *testing.T) {
	t.Parallel()
	s := newSystem(t, "", nil)
	s.writeEntries([2]string{"demo", byName})
	if err := s.fake.Decide(fakecloud.DemoCloud, fakecloud.Outcome{Call: "CopyImage", Stuck: true}); err != nil {
		t.Fatal(err)
	}
	s.start()
	s.publish("ims.request.demo.copy-image", copyBase, copyEvent("a"))
	s.await("the copy to be begun", func() bool { return s.made() == 1 })
	const taken, refused = "clouds.yaml read again", "the change of clouds.yaml is refused"
	for i, auth := range []string{byID, byNothing, byName, byID} {
		s.writeEntries([2]string{"demo", auth})
		s.logged(taken, i+1)
		asked := len(s.fake.Calls(fakecloud.DemoCloud))
		s.await("the job to be asked for", func() bool { return len(s.fake.Calls(fakecloud.DemoCloud)) > asked })
	}
	s.writeEntries([2]string{"demo", byOther})
	s.logged("the cloud says that it was project "+fakecloud.DemoProjectID+" and is project "+otherProject, 1)
	fault := fakecloud.Fault{Call: "CreateToken", Kind: fakecloud.StatusBefore, Status: http.StatusServiceUnavailable, Count: -1}
	if err := s.fake.Order(fakecloud.DemoCloud, fault); err != nil {
		t.Fatal(err)
	}
	s.writeEntries([2]string{"demo", byName})
	s.logged("whether it is the same project cannot be told", 1)
	if n := strings.Count(s.logs.String(), refused); n != 2 {
		t.Errorf("refused %d times", n)
	}
	if n := strings.Count(s.logs.String(), taken); n != 4 {
		t.Errorf("taken %d times", n)
	}
}
