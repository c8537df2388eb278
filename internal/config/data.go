package config

import "github.com/pointsman-ai/pointsman/internal/datadir"

// Data is where the configuration keeps its data.
func (c *Config) Data() datadir.Dir { return datadir.Dir(c.DataDir.String()) }
