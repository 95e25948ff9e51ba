package cloud

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/imsworker/imsworker/internal/ims"
)

// profiles are the families of clouds that the worker knows.
var profiles = []string{string(ims.ProfileOTC), string(ims.ProfileHuawei)}

// domains end the names of a profile's endpoints (API reference 1.1).
var domains = map[ims.Profile]string{
	ims.ProfileOTC:    "otc.t-systems.com",
	ims.ProfileHuawei: "myhuaweicloud.com",
}

// CrossRegionConcurrent is the name of the one limit that counts what runs at
// once (API reference 2.8).
const CrossRegionConcurrent = "cross_region_concurrent"

const defaultConcurrent = 5

// defaultLimits returns the limits per tenant of the API reference 2.14. OTC
// publishes none and gets those of Huawei Cloud; nor are there any for the tag
// calls of version 2, EVS, CBR and IAM, which get modest ones.
func defaultLimits() map[string]Limit {
	minutes := func(count, window int) Limit {
		return Limit{Count: count, Window: time.Duration(window) * time.Minute}
	}
	return map[string]Limit{
		"system":        minutes(40, 5),
		"whole":         minutes(20, 2),
		"copy":          minutes(15, 5),
		"export":        minutes(20, 5),
		"quick_import":  minutes(20, 5),
		"cross_region":  minutes(5, 5),
		"members":       minutes(200, 5),
		"show_job":      minutes(1400, 1),
		"show_progress": minutes(200, 5),
		"list":          minutes(1400, 1),
		"get_image":     minutes(400, 1),
		"quota":         minutes(1400, 1),
		"update":        minutes(200, 5),
		"tags":          minutes(200, 5),
		"evs":           minutes(200, 1),
		"cbr":           minutes(200, 1),
		"iam":           minutes(60, 1),
	}
}

// Buckets returns the names of all limits that count calls, sorted.
func Buckets() []string { return slices.Sorted(maps.Keys(defaultLimits())) }

// defaultEndpoints are those of a profile in a region.
func defaultEndpoints(p ims.Profile, region string) ims.Endpoints {
	at := func(service string) string { return "https://" + service + "." + region + "." + domains[p] }
	return ims.Endpoints{Image: at("ims"), CBR: at("cbr"), BlockStorage: at("evs"), Identity: at("iam")}
}

// consoles are those of a profile.
var consoles = map[ims.Profile][]string{
	ims.ProfileOTC:    {"https://console.otc.t-systems.com"},
	ims.ProfileHuawei: {"https://console.huaweicloud.com", "https://console-intl.huaweicloud.com"},
}

// smnOf is the address of SMN in a region.
func smnOf(p ims.Profile, region string) string { return "https://smn." + region + "." + domains[p] }

// profileOf guesses the profile from the address of IAM, empty if it is that
// of neither.
func profileOf(authURL string) ims.Profile {
	for p, d := range domains {
		if strings.Contains(authURL, "."+d) {
			return p
		}
	}
	return ""
}
