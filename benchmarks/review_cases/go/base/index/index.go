// Package index knows which versions of an artifact there are.
package index

import (
	"sort"
	"sync"
	"time"
)

// Entry is one version of an artifact.
type Entry struct {
	Name      string
	Version   string
	Digest    string
	Size      int64
	Published time.Time
}

// Index holds entries by name. It may be used from several goroutines.
type Index struct {
	mu      sync.RWMutex
	entries map[string][]Entry
}

// New returns an empty index.
func New() *Index {
	return &Index{entries: make(map[string][]Entry)}
}

// Add puts an entry in, in place of one with the same name and version.
func (x *Index) Add(e Entry) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for i, old := range x.entries[e.Name] {
		if old.Version == e.Version {
			x.entries[e.Name][i] = e
			return
		}
	}
	x.entries[e.Name] = append(x.entries[e.Name], e)
}

// Versions returns the entries of a name, the latest published first.
func (x *Index) Versions(name string) []Entry {
	x.mu.RLock()
	defer x.mu.RUnlock()
	found := append([]Entry(nil), x.entries[name]...)
	sort.SliceStable(found, func(i, j int) bool {
		return found[i].Published.After(found[j].Published)
	})
	return found
}

// Names returns all names, in alphabetical order.
func (x *Index) Names() []string {
	x.mu.RLock()
	defer x.mu.RUnlock()
	names := make([]string, 0, len(x.entries))
	for name := range x.entries {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// Remove takes a version out and tells whether it was there.
func (x *Index) Remove(name, version string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	for i, e := range x.entries[name] {
		if e.Version == version {
			x.entries[name] = append(x.entries[name][:i:i], x.entries[name][i+1:]...)
			return true
		}
	}
	return false
}
