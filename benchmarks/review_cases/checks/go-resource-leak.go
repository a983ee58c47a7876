package check

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"example.com/mirror/blob"
	"example.com/mirror/config"
	"example.com/mirror/fetch"
)

type body struct {
	io.Reader
	closed *int
}

func (b body) Close() error {
	*b.closed++
	return nil
}

type transport struct{ opened, closed int }

func (tr *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	tr.opened++
	return &http.Response{StatusCode: 404, Header: http.Header{}, Body: body{strings.NewReader("no"), &tr.closed}, Request: r}, nil
}

func TestEveryBodyIsClosed(t *testing.T) {
	store, err := blob.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	tr := &transport{}
	f := fetch.New(config.Upstream{URL: "http://a.example"}, store).WithClient(&http.Client{Transport: tr})
	if f.Fetch(context.Background(), "/a", strings.Repeat("0", 64)) == nil {
		t.Fatal("a missing artifact was fetched")
	}
	if tr.opened != 1 || tr.closed != 1 {
		t.Fatalf("opened %d, closed %d", tr.opened, tr.closed)
	}
}
