package check

import (
	"testing"
	"time"

	"example.com/mirror/blob"
	"example.com/mirror/index"
	"example.com/mirror/retain"
)

func TestTheLatestVersionsStay(t *testing.T) {
	s, err := blob.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	x := index.New()
	now := time.Now()
	for i, version := range []string{"1.0.0", "1.1.0", "1.2.0"} {
		published := now.Add(time.Duration(i-1000) * time.Hour)
		x.Add(index.Entry{Name: "tool", Version: version, Digest: "00", Published: published})
	}
	if _, err := retain.Sweep(x, s, retain.Policy{Keep: 1}, now); err != nil {
		t.Fatal(err)
	}
	if left := x.Versions("tool"); len(left) != 1 || left[0].Version != "1.2.0" {
		t.Fatalf("left: %v", left)
	}
}
