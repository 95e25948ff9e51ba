package fakecloud

import "net/http"

type vaultView struct {
	ID         string          `json:"id"`
	Name       string          `json:"name"`
	ProjectID  string          `json:"project_id"`
	ProviderID string          `json:"provider_id"`
	Billing    vaultBilling    `json:"billing"`
	Resources  []vaultResource `json:"resources"`
	Tags       []Tag           `json:"tags"`
	AutoBind   bool            `json:"auto_bind"`
	AutoExpand bool            `json:"auto_expand"`
}

type vaultBilling struct {
	ProtectType string `json:"protect_type"`
	ObjectType  string `json:"object_type"`
	ChargeMode  string `json:"charging_mode"`
	SpecCode    string `json:"spec_code"`
	Status      string `json:"status"`
	Size        int    `json:"size"`
	Used        int    `json:"used"`
	Allocated   int    `json:"allocated"`
}

type vaultResource struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Type   string `json:"type"`
	Size   int    `json:"size"`
	Status string `json:"protect_status"`
}

// showVault is GET /v3/{project_id}/vaults/{vault_id}. Sizes are in GB, the
// used part in MB, as the service has it.
func (c *cloud) showVault(q *request) *answer {
	v := c.vaults[q.vars["vault"]]
	if v == nil {
		return backupError(http.StatusNotFound, "BackupService.6217", "The vault does not exist.")
	}
	view := vaultView{ID: v.ID, Name: v.Name, ProjectID: c.ProjectID, ProviderID: serverProvider, Tags: []Tag{},
		Resources: c.resourcesOf(v), Billing: vaultBilling{ProtectType: "backup", ObjectType: v.ObjectType, ChargeMode: "post_paid",
			SpecCode: "vault.backup." + v.ObjectType + ".normal", Status: v.Status, Size: v.SizeGB, Used: v.UsedGB << 10}}
	for _, resource := range view.Resources {
		view.Billing.Allocated += resource.Size
	}
	return ok(map[string]vaultView{"vault": view})
}

func (c *cloud) resourcesOf(v *Vault) []vaultResource {
	resources := []vaultResource{}
	for _, s := range c.servers {
		if s.VaultID == v.ID {
			resources = append(resources, vaultResource{ID: s.ID, Name: s.Name, Type: resourceServer, Size: s.SizeGB, Status: "available"})
		}
	}
	return resources
}
