package fakecloud

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const backupsPath = "/v3/" + DemoProjectID + "/backups"

func TestBackups(t *testing.T) {
	t.Parallel()
	d := newDemo(t)
	one := d.get(backupsPath + "/" + DemoBackup).ok()
	for key, want := range map[string]any{"status": "available", "resource_type": resourceServer, "resource_id": DemoVaultServer,
		"vault_id": DemoVault, "enterprise_project_id": 0.0, "parent_id": nil} {
		if got := one.at("backup", key); got != want {
			t.Errorf("%s: got %v, want %v", key, got, want)
		}
	}
	if at := one.text("backup", "created_at"); !strings.HasSuffix(at, "+00:00") || len(at) != len("2019-05-10T07:59:12.085+00:00") {
		t.Errorf("created_at %s", at)
	}
	for query, want := range map[string]int{"": 5, "?vault_id=" + DemoVault: 5, "?resource_id=no": 0, "?limit=2": 2, "?limit=2&offset=4": 1, "?status=error": 0} {
		if got := d.get(backupsPath + query).ok().length("backups"); got != want {
			t.Errorf("%s: %d backups, want %d", query, got, want)
		}
	}
	if got := newDemo(t, huawei).get(backupsPath+"/"+DemoBackup).at("backup", "enterprise_project_id"); got != "0" {
		t.Errorf("enterprise_project_id %v", got)
	}
}

func TestVault(t *testing.T) {
	t.Parallel()
	d := newDemo(t)
	vault := d.get("/v3/" + DemoProjectID + "/vaults/" + DemoVault).ok()
	if vault.text("vault", "billing", "status") != "available" || vault.text("vault", "resources", 0, "id") != DemoVaultServer {
		t.Errorf("vault %s", vault.raw)
	}
	d.get("/v3/"+DemoProjectID+"/vaults/no").want(404, "BackupService.6217")
}

func TestDeleteWithBackup(t *testing.T) {
	t.Parallel()
	d := newDemo(t)
	d.call(http.MethodDelete, "/v2/images/"+DemoWholeImage, `{"delete_backup":true}`).want(204, "")
	d.get(backupsPath+"/"+DemoWholeBackup).want(404, "BackupService.6217")
}

func TestDeleteTakesItsTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDemo(t, switched(func(s *Switches) { s.DeleteLag = Duration(8 * time.Second) }))
		d.call(http.MethodDelete, "/v2/images/"+DemoWholeImage, "").want(204, "")
		if d.ids("id="+DemoWholeImage) == "" {
			t.Error("gone at once")
		}
		time.Sleep(8 * time.Second)
		if d.ids("id="+DemoWholeImage) != "" {
			t.Error("still there")
		}
		d.post(wholePath, wholeBody(DemoWholeBackup)).ok()
	})
}

func TestBackupStaysUsedWhereOrdered(t *testing.T) {
	t.Parallel()
	d := newDemo(t, switched(func(s *Switches) { s.KeepBackupUsed = true }))
	d.call(http.MethodDelete, "/v2/images/"+DemoWholeImage, "").want(204, "")
	d.post(wholePath, wholeBody(DemoWholeBackup)).want(400, "IMG.0134")
}

func TestAddBackups(t *testing.T) {
	t.Parallel()
	d := newDemo(t)
	ids, err := d.fake.AddBackups(DemoCloud, 3)
	if err != nil || len(ids) != 3 {
		t.Fatal(ids, err)
	}
	for _, id := range ids {
		d.whole(id)
	}
}
