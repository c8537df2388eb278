package config

import (
	"slices"

	"github.com/pointsman-ai/pointsman"
)

// Config is one configuration file, read and checked. It is read-only and safe
// for concurrent use. Every value that the file leaves out and that has a
// default has it; pointers are nil only where there is neither.
type Config struct {
	Version   int64                             `yaml:"version"`
	DataDir   Path                              `yaml:"data_dir"`
	Server    Server                            `yaml:"server"`
	Journal   Journal                           `yaml:"journal"`
	Upstreams map[pointsman.UpstreamID]Upstream `yaml:"upstreams"`
	Models    map[pointsman.ModelID]Model       `yaml:"models"`
	// Rules are those of every task and of direct requests; they neither pin
	// nor name tiers.
	Rules []Rule `yaml:"rules"`
	// Tasks are the tasks as the file has them; [Config.ResolveTasks] are the
	// tasks as the other packages know them.
	Tasks map[pointsman.TaskID]Task `yaml:"tasks"`

	source    *source
	positions map[string]mark
	files     []string
	artefacts map[pointsman.ModelID]pointsman.Digest
}

// block is one part of the file. Its type, fields with their defaults and
// bounds, and checks are in the file of this package that declares it; the
// decoder, the schema and the snapshot work from [Config] and from this.
type block struct {
	// fields are the keys of the block, by path.
	fields map[string]field
	// complete fills in what has no fixed default but follows from something
	// else in the file; may be nil.
	complete func(d *decoder, c *Config)
	// include reads in the files that the block names; may be nil.
	include func(d *decoder, c *Config)
	// check looks at the meaning of the block: whether what refers leads
	// somewhere, and whether what is written together goes together. Values that
	// were complained about already are left alone, so that one mistake is
	// reported once. May be nil.
	check func(d *decoder, c *Config)
	// warn reports what is allowed and probably not meant; may be nil.
	warn func(c *Config, warn warner)
	// unresolved reports references to the environment and to files of secrets
	// that lead to nothing now; may be nil.
	unresolved func(c *Config, report func(err error, steps ...any))
}

// warner takes a warning about the value of a path.
type warner func(message, hint string, steps ...any)

// blocks are checked in this order.
var blocks = []block{fileBlock, serverBlock, journalBlock, upstreamBlock, modelBlock, ruleBlock, taskBlock}

// fileBlock are the keys at the top of the file.
var fileBlock = block{fields: map[string]field{
	"version":  {doc: "The version of this file's format.", required: true, min: "1", max: "1"},
	"data_dir": {doc: "Where the journal, artefacts and the index are kept. Relative to this file.", def: "./data", form: formPath},
}}

// complete, include and check run over all blocks.
func (d *decoder) complete(c *Config) {
	for _, b := range blocks {
		if b.complete != nil {
			b.complete(d, c)
		}
	}
}

func (d *decoder) include(c *Config) {
	for _, b := range blocks {
		if b.include != nil {
			b.include(d, c)
		}
	}
}

func (d *decoder) check(c *Config) {
	for _, b := range blocks {
		if b.check != nil {
			b.check(d, c)
		}
	}
}

// Files are the files whose contents are part of the configuration, beside the
// configuration file itself: those that a reload must watch.
func (c *Config) Files() []string { return slices.Compact(slices.Sorted(slices.Values(c.files))) }

// Warnings are what the file may say and probably does not mean.
func (c *Config) Warnings() Problems {
	var out Problems
	warn := func(message, hint string, steps ...any) {
		path := At(steps...)
		out = append(out, c.source.problem(c.Position(path), path, message, hint))
	}
	for _, b := range blocks {
		if b.warn != nil {
			b.warn(c, warn)
		}
	}
	return out.Sorted()
}

// written says that the file has a value.
func (c *Config) written(path string) bool {
	_, ok := c.positions[path]
	return ok
}

// Unresolved looks up every reference to a secret and every ${NAME} of the file,
// and reports those that lead to nothing now: what a check wants to know and a
// load does not ask. Nothing that was looked up is kept.
func (c *Config) Unresolved() Problems {
	var out Problems
	report := func(err error, steps ...any) {
		if err != nil {
			out = append(out, c.Problem(At(steps...), err)...)
		}
	}
	for _, b := range blocks {
		if b.unresolved != nil {
			b.unresolved(c, report)
		}
	}
	return out.Sorted()
}
