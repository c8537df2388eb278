package config

import (
	"fmt"
)

// Journal says how decisions are put on record.
type Journal struct {
	Durability       string   `yaml:"durability"`
	FsyncInterval    Duration `yaml:"fsync_interval"`
	OnFull           string   `yaml:"on_full"`
	SegmentSize      Size     `yaml:"segment_size"`
	Retention        Duration `yaml:"retention"`
	PayloadRetention Duration `yaml:"payload_retention"`
}

// The values of Journal.Durability and Journal.OnFull.
const (
	DurabilityInterval = "interval"
	DurabilitySync     = "sync"
	OnFullRefuse       = "refuse"
	OnFullAnswer       = "answer"
)

var journalBlock = block{
	check: (*decoder).checkJournal,
	fields: map[string]field{
		"journal":                   {doc: "How decisions are put on record."},
		"journal.durability":        {doc: "When a record is safe from a power cut: every fsync_interval, or before the answer leaves.", def: DurabilityInterval, enum: []string{DurabilityInterval, DurabilitySync}},
		"journal.fsync_interval":    {doc: "How much a power cut may lose, and how often writing is tried again after it failed.", def: "1s", min: "1ms", max: "1m"},
		"journal.on_full":           {doc: "What happens to requests while records cannot be written.", def: OnFullRefuse, enum: []string{OnFullRefuse, OnFullAnswer}},
		"journal.segment_size":      {doc: "The size at which the next file is begun.", def: "64MiB", min: "1MiB", max: "2GiB"},
		"journal.retention":         {doc: "How long decisions are kept, or forever.", def: "forever", min: "1h", max: "36500d"},
		"journal.payload_retention": {doc: "How long texts are kept, or forever; never longer than their decisions.", def: "30d", min: "1m", max: "36500d"},
	},
}

func (d *decoder) checkJournal(c *Config) {
	j := &c.Journal
	if d.written("journal.payload_retention") && d.fine("journal.payload_retention") && d.fine("journal.retention") &&
		j.PayloadRetention > j.Retention {
		d.at("journal.payload_retention", fmt.Sprintf("texts would be kept for %s, their decisions for %s", j.PayloadRetention, j.Retention), "texts go with their decisions at the latest; shorten payload_retention")
	}
}
