// Package config reads what the mirror is told.
package config

import (
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// Upstream is a server that artifacts are fetched from.
type Upstream struct {
	Name    string        `json:"name"`
	URL     string        `json:"url"`
	Timeout time.Duration `json:"timeout"`
	Limits  *Limits       `json:"limits,omitempty"`
}

// Limits bound what is asked of one upstream; without any it is asked as often as there is need.
type Limits struct {
	PerSecond float64 `json:"per_second"`
	Burst     int     `json:"burst"`
}

// Config is the whole of the configuration file.
type Config struct {
	Listen    string     `json:"listen"`
	Root      string     `json:"root"`
	Upstreams []Upstream `json:"upstreams"`
}

// Load reads a file.
func Load(path string) (*Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(data)
}

// Parse reads JSON and fills in what it leaves out.
func Parse(data []byte) (*Config, error) {
	cfg := &Config{Listen: ":8080", Root: "/var/lib/mirror"}
	if err := json.Unmarshal(data, cfg); err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	for i := range cfg.Upstreams {
		if cfg.Upstreams[i].Timeout == 0 {
			cfg.Upstreams[i].Timeout = 30 * time.Second
		}
	}
	return cfg, nil
}
