package check

import (
	"testing"

	"example.com/mirror/stats"
)

func TestASnapshotStaysAsItWas(t *testing.T) {
	r := stats.NewRecorder()
	r.Hit("a")
	snapshot := r.Snapshot()
	r.Hit("a")
	if snapshot["a"].Hits != 1 {
		t.Fatal("the map that was given out is still written to, without the lock")
	}
}
