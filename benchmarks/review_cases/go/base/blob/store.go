// Package blob keeps artifacts by the digest of their content.
package blob

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// ErrDigest says that content isn't what its digest promises.
var ErrDigest = errors.New("blob: content does not match its digest")

// Store is a folder of files named by their SHA-256.
type Store struct {
	root string
}

// Open makes the folder when it is missing.
func Open(root string) (*Store, error) {
	if err := os.MkdirAll(filepath.Join(root, "tmp"), 0o755); err != nil {
		return nil, err
	}
	return &Store{root: root}, nil
}

// Path returns where the content of a digest is, or would be.
func (s *Store) Path(digest string) string {
	return filepath.Join(s.root, digest[:2], digest)
}

// Has tells whether the content of a digest is here.
func (s *Store) Has(digest string) bool {
	_, err := os.Stat(s.Path(digest))
	return err == nil
}

// Put stores what r yields under the digest that it must have. Whoever reads sees all of it or nothing.
func (s *Store) Put(digest string, r io.Reader) error {
	tmp, err := os.CreateTemp(filepath.Join(s.root, "tmp"), "put-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	defer tmp.Close()

	hash := sha256.New()
	if _, err := io.Copy(io.MultiWriter(tmp, hash), r); err != nil {
		return fmt.Errorf("blob: %s: %w", digest, err)
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != digest {
		return fmt.Errorf("%w: want %s, got %s", ErrDigest, digest, got)
	}
	if err := tmp.Sync(); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(s.Path(digest)), 0o755); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), s.Path(digest))
}

// Get opens the content of a digest.
func (s *Store) Get(digest string) (io.ReadCloser, error) {
	return os.Open(s.Path(digest))
}

// Remove deletes the content of a digest; what isn't here is as good as removed.
func (s *Store) Remove(digest string) error {
	err := os.Remove(s.Path(digest))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
