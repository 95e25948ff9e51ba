package cloud

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// fileVariable names the file, as for all OpenStack tools.
const fileVariable = "OS_CLIENT_CONFIG_FILE"

// fileNames are looked for in each place.
var fileNames = []string{"clouds.yaml", "clouds.yml"}

// secureNames are those of the file with the secrets.
var secureNames = []string{"secure.yaml", "secure.yml"}

// errNoFile is told with the places where the file could be.
var errNoFile = errors.New("no clouds.yaml found")

// find returns the file to read: the one given, else that of the variable,
// else the first in the OpenStack places.
func find(given string) (string, error) {
	if given == "" {
		given = os.Getenv(fileVariable)
	}
	if given != "" {
		return given, nil
	}
	for _, dir := range places() {
		for _, name := range fileNames {
			if path := filepath.Join(dir, name); exists(path) {
				return path, nil
			}
		}
	}
	return "", errNoFile
}

func places() []string {
	dirs := []string{"."}
	if config, err := os.UserConfigDir(); err == nil {
		dirs = append(dirs, filepath.Join(config, "openstack"))
	}
	if home, err := os.UserHomeDir(); err == nil {
		dirs = append(dirs, filepath.Join(home, ".config", "openstack"))
	}
	return slices.Compact(append(dirs, "/etc/openstack"))
}

// secureBeside is the file that holds the secrets apart, empty if there is
// none.
func secureBeside(file string) string {
	for _, name := range secureNames {
		if path := filepath.Join(filepath.Dir(file), name); exists(path) {
			return path
		}
	}
	return ""
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
