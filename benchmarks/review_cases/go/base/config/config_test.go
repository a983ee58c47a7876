package config

import (
	"path/filepath"
	"testing"
)

func TestWhatIsNoJSONIsAnError(t *testing.T) {
	if _, err := Parse([]byte("listen: :8080")); err == nil {
		t.Error("it was taken")
	}
}

func TestAMissingFileIsAnError(t *testing.T) {
	if _, err := Load(filepath.Join(t.TempDir(), "mirror.json")); err == nil {
		t.Error("it was loaded")
	}
}
