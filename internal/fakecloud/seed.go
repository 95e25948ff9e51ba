package fakecloud

// Ids of the cloud that Demo describes.
const (
	DemoCloud     = "demo"
	DemoProjectID = "0123456789abcdef0123456789abcdef"
	DemoNeighbour = "edc89b490d7d4392898e19b2deb34797" // another project of the region

	DemoServer               = "877a2cda-ba63-4e1e-b95f-e67e48b6129a" // running, protected by no vault
	DemoVaultServer          = "94eba8b2-acc9-4d82-badc-127144cc5526" // running, in DemoVault
	DemoStoppedServer        = "c1a9e6f4-3d58-4b07-9e21-6f0a85d7b3c4" // stopped, with DemoDataVolume
	DemoVault                = "3b5816b5-f29c-4172-9d9a-76c719a659ce" // for servers, with room
	DemoVolume               = "16369c5d-384d-4e64-b37a-56d898769362" // available, a data disk
	DemoInUseVolume          = "5aa119a8-d25b-45a7-8d1b-88e127885635" // attached to DemoServer, its system disk
	DemoDataVolume           = "2f8e5b71-9c46-4d3a-a05f-8b6d17c94e20" // attached to DemoStoppedServer
	DemoDataVolume2          = "d47b0c93-61ea-4f85-b82d-3c9f5e07a168" // attached to DemoStoppedServer
	DemoFile                 = "images:base.qcow2"                    // a system
	DemoDataFile             = "images:data.qcow2"                    // a data disk
	DemoISOFile              = "images:installer.iso"
	DemoOVAFile              = "images:appliance.ova"                 // a system and a data disk
	DemoQuickFile            = "images:base.zvhd2"                    // for quick import
	DemoRawFile              = "images:base.raw"                      // for quick import, with its bitmap
	DemoBareRawFile          = "images:bare.raw"                      // without
	DemoBackup               = "6df2b54c-dd62-4059-a07c-1b8f24f2725d" // CBR, unused
	DemoBackup2              = "9b27efab-4a17-4c06-bfa2-3e0cf021d3c3" // CBR, unused
	DemoBackup3              = "7c1e04a5-50f7-4d2c-9f30-0b8e6f1d2a33" // CBR, unused
	DemoBackup4              = "e2b0f6d8-3c41-4a97-8d5e-64c7a9b01f44" // CBR, unused
	DemoCSBSBackup           = "1f7d9c33-8a52-4b66-a0e4-d95b27c8e655" // CSBS, unused
	DemoWholeBackup          = "a81c5e70-6b29-4f1d-b3c8-7e42d0963f66" // CBR, used by DemoWholeImage
	DemoImage                = "465076de-dc36-4aec-80f5-ef9d8009428f" // private, system, active
	DemoWholeImage           = "ea0d5dce-ddb2-4f6f-83e3-55da065347fd" // cannot be copied
	DemoISOImage             = "b5d1a9c2-4e0f-4c7b-9a86-31f2e7d05c77" // cannot be copied
	DemoEncryptedImage       = "30e55148-deb9-4923-adb9-91618de16ba0" // encrypted with DemoKey
	DemoPublicImage          = "c9f86b04-12d7-4a3e-8e59-a7b3d4601e88" // belongs to the cloud
	DemoQueuedImage          = "8e3d6a17-f2b9-4c50-a7d4-19c05b6e8f32" // without data: a file can be registered for it
	DemoKey                  = "7f1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c99"
	DemoAccessKey            = "AKDEMO00000000000000"
	DemoSecretKey            = "SKdemo0000000000000000000000000000000000"
	DemoUsername             = "img-worker"
	DemoPassword             = "demo-password"
	DemoDomain               = "OTC-EU-DE-00000000001000012345"
	publicOwner              = "00000000000000000000000000000001"
	demoQuota                = 1000
	fiveGiB            int64 = 5 << 30 // does not fit 32 bits
)

// Demo describes an account with one of everything, for trying things out.
// Its keys are as public as this file.
func Demo() CloudOptions {
	return CloudOptions{
		Name: DemoCloud, Profile: ProfileOTC, Region: "eu-de", ProjectID: DemoProjectID, ProjectName: "eu-de",
		Neighbours: []string{DemoNeighbour}, AccessKey: DemoAccessKey, SecretKey: DemoSecretKey, Username: DemoUsername, Password: DemoPassword, Domain: DemoDomain,
		World: demoWorld(), Switches: Switches{Quota: demoQuota},
	}
}

func demoWorld() World {
	return World{
		Servers: []Server{
			{ID: DemoServer, Name: "web-01", Status: "ACTIVE", SizeGB: 40},
			{ID: DemoVaultServer, Name: "db-01", Status: "ACTIVE", SizeGB: 80, VaultID: DemoVault},
			{ID: DemoStoppedServer, Name: "build-01", Status: "SHUTOFF", SizeGB: 40},
		},
		Vaults: []Vault{{ID: DemoVault, Name: "vault-servers", SizeGB: 10000, MaxServers: 256}},
		Volumes: []Volume{
			{ID: DemoVolume, Name: "db-01-data", SizeGB: 40},
			{ID: DemoInUseVolume, Name: "web-01-system", Status: "in-use", SizeGB: 40, Bootable: true, OSType: "linux", ServerID: DemoServer},
			{ID: DemoDataVolume, Name: "build-01-data-1", Status: "in-use", SizeGB: 40, ServerID: DemoStoppedServer},
			{ID: DemoDataVolume2, Name: "build-01-data-2", Status: "in-use", SizeGB: 100, ServerID: DemoStoppedServer},
		},
		Objects: []Object{
			{Bucket: "images", Key: "base.qcow2", SizeGB: 4, DiskGB: 40}, {Bucket: "images", Key: "data.qcow2", SizeGB: 2, DiskGB: 40},
			{Bucket: "images", Key: "installer.iso", Format: "iso", SizeGB: 3}, {Bucket: "images", Key: "appliance.ova", Format: "ova", SizeGB: 6, DiskGB: 20, Disks: []int{40}},
			{Bucket: "images", Key: "base.zvhd2", Format: "zvhd2", SizeGB: 200, DiskGB: 250},
			{Bucket: "images", Key: "base.raw", Format: "raw", SizeGB: 40, Bitmap: true}, {Bucket: "images", Key: "bare.raw", Format: "raw", SizeGB: 40},
		},
		Backups: []Backup{
			demoBackup(DemoBackup), demoBackup(DemoBackup2), demoBackup(DemoBackup3), demoBackup(DemoBackup4),
			{ID: DemoCSBSBackup, Name: "csbs_web-01", Service: serviceCSBS, ResourceID: DemoServer, ResourceName: "web-01", SizeGB: 40},
			{ID: DemoWholeBackup, Name: "backup_db-01_whole", ResourceID: DemoVaultServer, ResourceName: "db-01", SizeGB: 80,
				VaultID: DemoVault, ImageID: DemoWholeImage},
		},
		Images: demoImages(),
	}
}

func demoBackup(id string) Backup {
	return Backup{ID: id, Name: "backup_db-01_" + id[:4], ResourceID: DemoVaultServer, ResourceName: "db-01", SizeGB: 80, VaultID: DemoVault}
}

func demoImages() []Image {
	return []Image{
		{ID: DemoImage, Name: "base-2026-01", Description: "plain system image", MinDisk: 40, Size: fiveGiB, DataSize: fiveGiB,
			Tags: []Tag{{Key: "team", Value: "web"}}, DataOrigin: "file,images:base.qcow2"},
		{ID: DemoWholeImage, Name: "db-01-whole", Whole: true, MinDisk: 80, BackupID: DemoWholeBackup,
			DataOrigin: "server_backup," + DemoWholeBackup, DataSize: 80 << 30},
		{ID: DemoISOImage, Name: "installer", Env: "IsoImage", DiskFormat: "iso", OSType: "Other", MinDisk: 10},
		{ID: DemoEncryptedImage, Name: "vault-base", CMK: DemoKey, MinDisk: 40},
		{ID: DemoQueuedImage, Name: "to-be-registered", Native: true, Saving: never, Active: never},
		{ID: DemoPublicImage, Name: "Standard_Ubuntu_22.04_latest", Type: "gold", Owner: publicOwner, MinDisk: 10},
	}
}

// AddBackups makes that many unused CBR backups of one server and returns
// their ids.
func (f *Fake) AddBackups(cloud string, count int) ([]string, error) {
	return f.Add(cloud, World{Backups: make([]Backup, count)})
}

// Add puts more servers, vaults, volumes, buckets, objects, backups and images into an account and
// returns their ids in the world's order; ids that are empty are made up. A
// thing whose id exists is replaced.
func (f *Fake) Add(cloud string, w World) ([]string, error) {
	c, err := f.cloud(cloud)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seed(w), nil
}
