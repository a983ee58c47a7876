// Package kv is a store of keys and values, in buckets.
package kv

import (
	"errors"
	"sort"
	"strings"
	"sync"
)

// ErrNotFound says that there is no such key.
var ErrNotFound = errors.New("not found")

const separator = "/"

// Join makes a key of parts. One that ends with an empty part is a prefix of all keys that go on from there.
func Join(parts ...string) string {
	return strings.Join(parts, separator)
}

// Last returns the last part of a key.
func Last(key string) string {
	return key[strings.LastIndex(key, separator)+1:]
}

// Store is in memory. It may be used from several goroutines.
type Store struct {
	mu      sync.Mutex
	buckets map[string]map[string][]byte
}

// New returns an empty store.
func New() *Store {
	return &Store{buckets: make(map[string]map[string][]byte)}
}

// Get returns a value, or ErrNotFound.
func (s *Store) Get(bucket, key string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	value, ok := s.buckets[bucket][key]
	if !ok {
		return nil, ErrNotFound
	}
	return append([]byte(nil), value...), nil
}

// Put stores a value in place of another.
func (s *Store) Put(bucket, key string, value []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.buckets[bucket] == nil {
		s.buckets[bucket] = make(map[string][]byte)
	}
	s.buckets[bucket][key] = append([]byte(nil), value...)
	return nil
}

// Delete removes a key; one that isn't there is as good as removed.
func (s *Store) Delete(bucket, key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.buckets[bucket], key)
	return nil
}

// Keys returns the keys of a bucket that begin with a prefix, in order.
func (s *Store) Keys(bucket, prefix string) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var keys []string
	for key := range s.buckets[bucket] {
		if strings.HasPrefix(key, prefix) {
			keys = append(keys, key)
		}
	}
	sort.Strings(keys)
	return keys, nil
}
