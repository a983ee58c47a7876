package check

import (
	"testing"

	"example.com/mirror/config"
)

func TestAValidFileIsTaken(t *testing.T) {
	if _, err := config.Parse([]byte(`{"upstreams": [{"name": "a", "url": "https://a.example"}]}`)); err != nil {
		t.Fatal("a valid configuration is refused")
	}
}
