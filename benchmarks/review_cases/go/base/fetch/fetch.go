// Package fetch gets artifacts from upstream servers.
package fetch

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"example.com/mirror/blob"
	"example.com/mirror/config"
)

// StatusError is an answer other than 200.
type StatusError struct {
	URL    string
	Status int
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("fetch: %s answered %d", e.URL, e.Status)
}

// Fetcher brings artifacts from one upstream into the store.
type Fetcher struct {
	upstream config.Upstream
	client   *http.Client
	store    *blob.Store
}

// New returns a fetcher for an upstream.
func New(upstream config.Upstream, store *blob.Store) *Fetcher {
	return &Fetcher{upstream: upstream, client: &http.Client{Timeout: upstream.Timeout}, store: store}
}

// WithClient returns a fetcher that sends its requests through client.
func (f *Fetcher) WithClient(client *http.Client) *Fetcher {
	return &Fetcher{upstream: f.upstream, client: client, store: f.store}
}

// Fetch brings one artifact, unless it is here already.
func (f *Fetcher) Fetch(ctx context.Context, path, digest string) error {
	if f.store.Has(digest) {
		return nil
	}
	body, err := f.open(ctx, f.upstream.URL+path)
	if err != nil {
		return err
	}
	defer body.Close()
	return f.store.Put(digest, body)
}

func (f *Fetcher) open(ctx context.Context, url string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	res, err := f.client.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		res.Body.Close()
		return nil, &StatusError{URL: url, Status: res.StatusCode}
	}
	return res.Body, nil
}

// Backoff returns how long to wait before the given attempt, counted from 1.
func Backoff(attempt int) time.Duration {
	if attempt > 6 {
		attempt = 6
	}
	return 100 * time.Millisecond << attempt
}
