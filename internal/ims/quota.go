package ims

import (
	"context"
	"errors"
	"net/http"
)

// Quota is how much of one kind of thing a project may have (API reference
// 4.6). Limit is below 0 where there is none.
type Quota struct {
	Type  string // image, image_shared or image_member
	Used  int64
	Limit int64
	Min   int64 // bounds within which the cloud may set the limit
	Max   int64
}

// Quotas returns all quotas of the image service.
func (c *Client) Quotas(ctx context.Context) ([]Quota, error) {
	k := call{name: "Quotas", method: http.MethodGet, service: imageService, path: "/v1/cloudimages/quota"}
	var wire struct {
		Quotas struct {
			Resources *[]struct {
				Type  text `json:"type"`
				Used  text `json:"used"`
				Quota text `json:"quota"`
				Min   text `json:"min"`
				Max   text `json:"max"`
			} `json:"resources"`
		} `json:"quotas"`
	}
	if err := c.get(ctx, k, &wire); err != nil {
		return nil, err
	}
	if wire.Quotas.Resources == nil {
		return nil, c.unreadable(k, errors.New("the answer has no list of quotas"))
	}
	quotas := make([]Quota, 0, len(*wire.Quotas.Resources))
	for _, r := range *wire.Quotas.Resources {
		quotas = append(quotas, Quota{Type: r.Type.word(), Used: r.Used.int64(), Limit: r.Quota.int64(), Min: r.Min.int64(), Max: r.Max.int64()})
	}
	return quotas, nil
}

// OSVersion is a value that requests may give as os_version.
type OSVersion struct {
	Platform, Version, Type string // such as Ubuntu, "Ubuntu 22.04 server 64bit", Linux
	Bits                    int64
}

// wireVersions is one platform of the list; it stands alone in an array.
type wireVersions struct {
	Platform text `json:"platform"`
	List     []struct {
		Platform text `json:"platform"`
		Version  text `json:"os_version"`
		Bits     text `json:"os_bit"`
		Type     text `json:"os_type"`
	} `json:"version_list"`
}

// OSVersions returns the values that the cloud takes as os_version.
func (c *Client) OSVersions(ctx context.Context) ([]OSVersion, error) {
	k := call{name: "OSVersions", method: http.MethodGet, service: imageService, path: "/v1/cloudimages/os_version", limit: maxList}
	var platforms []wireVersions
	if err := c.get(ctx, k, &platforms); err != nil {
		return nil, err
	}
	var versions []OSVersion
	for _, p := range platforms {
		for _, v := range p.List {
			versions = append(versions, OSVersion{Platform: first(v.Platform, p.Platform), Version: string(v.Version), Type: v.Type.word(), Bits: v.Bits.int64()})
		}
	}
	return versions, nil
}
