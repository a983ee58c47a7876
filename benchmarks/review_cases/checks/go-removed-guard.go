package check

import (
	"strings"
	"testing"

	"example.com/mirror/blob"
)

func TestWrongContentIsNeverVisible(t *testing.T) {
	s, err := blob.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	digest := strings.Repeat("0", 64)
	if s.Put(digest, strings.NewReader("something else")) == nil {
		t.Fatal("it was taken")
	}
	if s.Has(digest) {
		t.Fatal("content that does not match its digest is served")
	}
}
