package fakecloud

import "slices"

// Largest image files, in GB (API reference 2.3 and 2.5).
const (
	mostFileGB  = 128
	mostQuickGB = 1024
)

// osVersions is a part of what GET /v1/cloudimages/os_version lists.
var osVersions = []string{
	"CentOS 7.9 64bit", "Debian GNU/Linux 11.0.0 64bit", "Debian GNU/Linux 12.0.0 64bit", "EulerOS 2.10 64bit", "Fedora 37 64bit",
	"openSUSE 15.3 64bit", "Oracle Linux Server release 8.6 64bit", "Other(64 bit)", "Other(Linux)", "Other Linux(64 bit)", "Red Hat Linux Enterprise 8.6 64bit",
	"Rocky Linux 9.0 64bit", "SUSE Linux Enterprise Server 15 SP4 64bit", "Ubuntu 18.04 server 64bit", "Ubuntu 20.04 server 64bit",
	"Ubuntu 22.04 server 64bit", "Ubuntu 24.04 server 64bit", "Windows Server 2016 Standard 64bit", "Windows Server 2019 Standard 64bit",
	"Windows Server 2022 Standard 64bit",
}

// checkOSVersion wants a version of the list; absent is the code where one is
// needed, empty where it is not.
func checkOSVersion(version, absent string) *answer {
	switch {
	case version == "" && absent != "":
		return refuse(absent, "The OS version cannot be left blank.")
	case version != "" && !slices.Contains(osVersions, version):
		return refuse("IMG.0056", "The OS version is not supported.")
	}
	return nil
}

func checkType(got string, allowed ...string) *answer {
	if got != "" && !slices.Contains(allowed, got) {
		return refuse("IMG.0024", "The image type is incorrect.")
	}
	return nil
}

// envOf is the virtual_env_type that a request's type asks for.
func envOf(kind string) string {
	switch kind {
	case "BMS", "Ironic":
		return "Ironic"
	case "IsoImage", "DataImage":
		return kind
	default:
		return "FusionCompute"
	}
}

func checkChip(architecture, firmware string) *answer {
	switch {
	case !slices.Contains([]string{"", "x86", "arm"}, architecture):
		return refuse("IMG.0212", "The architecture must be x86 or arm.")
	case !slices.Contains([]string{"", "bios", "uefi"}, firmware):
		return refuse("IMG.0141", "The hw_firmware_type must be bios or uefi.")
	}
	return nil
}

func checkOSType(got string, allowed ...string) *answer {
	if got != "" && !slices.Contains(allowed, got) {
		return refuse("IMG.0122", "The OS type is incorrect.")
	}
	return nil
}

func checkMinDisk(size, least, most int) *answer {
	if size < least || size > most {
		return refuse("IMG.0055", "Invalid memory or disk size.")
	}
	return nil
}

// imageFormats are the formats that the image service can read.
var imageFormats = []string{"vhd", "zvhd", "zvhd2", "qcow", "qcow2", "raw", "vmdk", "vhdx", "qed", "vdi", "iso", "ova"}

// readableFile is the file at an address, as it can be imported.
func (c *cloud) readableFile(address string, quick bool) (*Object, *answer) {
	o, a := c.findFile(address)
	switch {
	case a != nil:
		return nil, a
	case !slices.Contains(imageFormats, o.Format):
		return nil, refuse("IMG.0057", "The image file is of a wrong format.")
	case quick && o.Format != "zvhd2" && (o.Format != "raw" || !o.Bitmap):
		return nil, refuse("IMG.0158", "Quick import supports RAW files with a bitmap file and ZVHD2 files only.")
	case !quick && o.SizeGB > mostFileGB, o.SizeGB > mostQuickGB:
		return nil, refuse("IMG.0059", "The image file is too large.")
	}
	return o, nil
}
