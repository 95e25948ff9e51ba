package handlers_test

import (
	"errors"
	"maps"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/internal/ims"
)

// cloudCase is a request that meets a constraint which only the cloud knows.
type cloudCase struct {
	data    string
	code    string // the cloud's, when it is asked all the same
	said    string // the check's, where it says it otherwise than the cloud
	huawei  bool
	world   fakecloud.World // besides the demo's
	there   fakecloud.World // of the other region
	switchs func(*fakecloud.Switches)
	before  int // so often the same call is made before
}

// Names of the other region, and of a vault there.
const (
	farCloud   = "far"
	farRegion  = "eu-nl"
	farProject = "fedcba9876543210fedcba9876543210"
	farVault   = "8a4c4b3b-0f5c-4a43-9d0b-1f6c0c5c9b11"
)

// begin plays the case's world and returns it with a client.
func (c cloudCase) begin(t *testing.T) (*fakecloud.Fake, *ims.Client) {
	t.Helper()
	here := fakecloud.Demo()
	there := fakecloud.CloudOptions{Name: farCloud, Region: farRegion, ProjectID: farProject,
		World: fakecloud.World{Vaults: []fakecloud.Vault{{ID: farVault, ObjectType: "server", Status: "available", SizeGB: 10000, MaxServers: 9}}}}
	here.Switches.RatesOff = true
	if c.switchs != nil {
		c.switchs(&here.Switches)
	}
	profile := ims.ProfileOTC
	if c.huawei {
		profile, here.Profile, there.Profile = ims.ProfileHuawei, fakecloud.ProfileHuawei, fakecloud.ProfileHuawei
	}
	fake, err := fakecloud.New(fakecloud.Options{Clouds: []fakecloud.CloudOptions{here, there}, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	for cloud, world := range map[string]fakecloud.World{here.Name: c.world, farCloud: c.there} {
		if _, err := fake.Add(cloud, world); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(fake.Handler())
	t.Cleanup(server.Close)
	at := server.URL + "/" + here.Name
	client, err := ims.New(ims.Config{
		Cloud: here.Name, Profile: profile, Region: here.Region, ProjectID: here.ProjectID,
		Endpoints:   ims.Endpoints{Image: at, CBR: at, BlockStorage: at, Identity: at},
		Credentials: ims.Credentials{AccessKey: ims.Secret(here.AccessKey), SecretKey: ims.Secret(here.SecretKey)},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return fake, client
}

// decode makes work of the case's data, which nothing is wrong with by itself.
func (c cloudCase) decode(t *testing.T, operation string) handlers.Work {
	t.Helper()
	profile := ims.ProfileOTC
	if c.huawei {
		profile = ims.ProfileHuawei
	}
	o, _ := handlers.Lookup(operation)
	work, problems := o.Decode([]byte(c.data), profile)
	if len(problems) > 0 {
		t.Fatalf("%s: %v", c.data, problems)
	}
	return work
}

const markerKey = "mfrggzdfmztwq2lknnwg23tpob"

// TestConstraintsOfTheCloud has a case for each line that a check holds, that
// is left to the cloud or that is allowed, and a line for each case.
//
// A check names itself before anything but questions has reached the cloud, and
// the cloud refuses the call too, with the code that the check said. What is
// left to the cloud passes the checks and is refused by it; that such a record
// ends rejected is held for every documented code in the engine.
func TestConstraintsOfTheCloud(t *testing.T) {
	t.Parallel()
	cases := cloudCases()
	for _, c := range constraints(t) {
		if !slices.Contains([]string{"check", "cloud", "allowed"}, c.held) {
			continue
		}
		one, there := cases[c.name()]
		if !there {
			t.Errorf("%s: there is no case", c.name())
			continue
		}
		delete(cases, c.name())
		t.Run(c.name(), func(t *testing.T) {
			t.Parallel()
			one.try(t, c)
		})
	}
	for name := range cases {
		t.Errorf("there is no line for the case %s", name)
	}
}

func (c cloudCase) try(t *testing.T, line constraint) {
	fake, client := c.begin(t)
	work := c.decode(t, line.operation)
	call := handlers.Call{Key: markerKey}
	for range c.before {
		if _, err := work.Submit(t.Context(), client, call); err != nil {
			t.Fatal(err)
		}
	}
	made := len(fake.Truth(fakecloud.DemoCloud))
	err := work.Preflight(t.Context(), client)
	c.expectChecks(t, line, err)
	if changed := changing(fake); changed != c.before || len(fake.Truth(fakecloud.DemoCloud)) != made {
		t.Errorf("%d changing calls were made, %d are the case's own", changed, c.before)
	}
	_, err = work.Submit(t.Context(), client, call)
	c.expectRefusal(t, line, err)
}

func (c cloudCase) expectChecks(t *testing.T, line constraint, err error) {
	t.Helper()
	broken, _ := errors.AsType[handlers.Refusals](err)
	if line.held != "check" {
		if err != nil {
			t.Errorf("the checks refuse it: %v", err)
		}
		return
	}
	i := slices.IndexFunc(broken, func(r handlers.Refusal) bool { return r.Rule == line.by })
	if i < 0 {
		t.Fatalf("the checks say %v, want %s among it", err, line.by)
	}
	want := c.said
	if want == "" {
		want = c.code
	}
	if e, ok := errors.AsType[*ims.Error](broken[i].Err); !ok || e.Code != want || e.Message == "" {
		t.Errorf("%s says %v, want the code %s and words", line.by, broken[i].Err, want)
	}
	if len(broken.Problems()) != len(broken) {
		t.Errorf("%d problems of %d rules", len(broken.Problems()), len(broken))
	}
}

func (c cloudCase) expectRefusal(t *testing.T, line constraint, err error) {
	t.Helper()
	e, refused := errors.AsType[*ims.Error](err)
	switch {
	case line.held == "allowed":
		if err != nil {
			t.Errorf("the cloud refuses it: %v", err)
		}
	case !refused || e.Code != c.code:
		t.Errorf("the cloud says %v, want %s", err, c.code)
	case line.held == "cloud" && c.code != line.by:
		t.Errorf("the line says %s, the case %s", line.by, c.code)
	case ims.VerdictOf(err) == ims.Uncertain || ims.VerdictOf(err) == ims.Accepted:
		t.Errorf("the verdict of %v is %s", err, ims.VerdictOf(err))
	}
}

// TestAllProblemsOfTheCloud names everything that is wrong at once, in the
// order of the checks, the gravest first where one code has to do.
func TestAllProblemsOfTheCloud(t *testing.T) {
	t.Parallel()
	c := cloudCase{
		data:    of(uses["copy"].data, itsImage),
		world:   ofImage(fakecloud.Image{Whole: true, Env: "IsoImage", Active: later()}),
		switchs: func(s *fakecloud.Switches) { s.Quota = 1 },
	}
	fake, client := c.begin(t)
	err := c.decode(t, "copy-image").Preflight(t.Context(), client)
	broken, _ := errors.AsType[handlers.Refusals](err)
	var rules []string
	for _, r := range broken {
		rules = append(rules, r.Rule)
	}
	if want := []string{"image-active", "image-not-whole", "image-not-iso", "quota-left"}; !slices.Equal(rules, want) || len(broken.Problems()) != len(want) {
		t.Errorf("broken are %v, want %v; problems %v", rules, want, broken.Problems())
	}
	if ims.VerdictOf(err) != ims.Refused || changing(fake) != 0 {
		t.Errorf("the verdict is %s, %d calls were made", ims.VerdictOf(err), changing(fake))
	}
}

// changing counts the calls that were no questions.
func changing(fake *fakecloud.Fake) (n int) {
	for _, call := range fake.Calls(fakecloud.DemoCloud) {
		if call.Method != "GET" {
			n++
		}
	}
	return n
}

// cloudCases are all, by the names of their lines.
func cloudCases() map[string]cloudCase {
	all := matrixCases()
	for _, more := range []map[string]cloudCase{wholeCases(), systemCases(), fileCases(), copyCases(), crossCases(), exportCases(), memberCases(), volumeCases(), quotaCases()} {
		maps.Copy(all, more)
	}
	return all
}
