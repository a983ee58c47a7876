package check

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"example.com/mirror/blob"
)

func TestAnUploadThatBreaksOffIsAnError(t *testing.T) {
	s, err := blob.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	broken := []io.Reader{strings.NewReader("hello"), iotest.ErrReader(errors.New("reset"))}
	if digest, err := s.Import(broken); err == nil {
		t.Fatalf("half of an upload was stored as %s", digest)
	}
}
