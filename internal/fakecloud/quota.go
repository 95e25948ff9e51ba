package fakecloud

const defaultQuota = 50

type quotaResource struct {
	Type  string `json:"type"`
	Used  int    `json:"used"`
	Quota int    `json:"quota"`
	Min   int    `json:"min"`
	Max   int    `json:"max"`
}

// quota is how many private images there may be; below 0 there is no limit.
func (c *cloud) quota() int {
	if c.switches.Quota == 0 {
		return defaultQuota
	}
	return c.switches.Quota
}

// showQuota is GET /v1/cloudimages/quota (API reference 4.6).
func (c *cloud) showQuota(q *request) *answer {
	all := []quotaResource{
		{Type: "image", Used: c.used, Quota: c.quota(), Min: 1, Max: 1000},
		{Type: "image_shared", Quota: 100, Min: 1, Max: 1000},
		{Type: "image_member", Quota: 128, Min: 1, Max: 1000},
	}
	asked := []quotaResource{}
	for _, resource := range all {
		if want := q.query.Get("type"); want == "" || want == resource.Type {
			asked = append(asked, resource)
		}
	}
	return ok(map[string]any{"quotas": map[string]any{"resources": asked}})
}
