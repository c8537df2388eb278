package config

import (
	"sort"
	"strings"

	"github.com/pointsman-ai/pointsman"
)

// field says all there is to say about one key of the file. One table of them
// gives the decoder its defaults and bounds and the JSON Schema its
// descriptions, so that the three cannot differ.
type field struct {
	doc      string
	def      string // the default as it would be written; empty: none
	required bool
	enum     []string
	min, max string // bounds, in the notation of the value
	above    bool   // min itself is out of bounds
	below    bool   // max itself is out of bounds
	form     string // a named form of text, see forms.go
	many     int    // most entries of a list or mapping; 0: maxEntries
	least    int    // fewest entries of a list or mapping that is written
	text     int    // most bytes of a text; 0: maxText
	oneOf    string // for the reader: what else may be written instead
}

// Bounds of what has none of its own.
const (
	maxEntries = 10_000
	maxText    = 64 << 10
)

// A wildcard in a path stands for any key of a mapping or place in a list.
const wildcard = "*"

// fields is the table, by path with wildcards.
var fields = map[string]field{
	"version":  {doc: "The version of this file's format.", required: true, min: "1", max: "1"},
	"data_dir": {doc: "Where the journal, artefacts and the index are kept. Relative to this file.", def: "./data", form: formPath},

	"server":                 {doc: "How requests come in."},
	"server.listen":          {doc: "The address to listen on, host:port. Port 0 takes any free one.", def: "127.0.0.1:8087", form: formListen},
	"server.max_body":        {doc: "The largest request body.", def: "4MiB", min: "1KiB", max: "256MiB"},
	"server.read_timeout":    {doc: "How long a client may take to send a whole request.", def: "30s", min: "10ms", max: "1h"},
	"server.request_timeout": {doc: "How long a whole request may take, all tiers together.", def: "120s", min: "10ms", max: "1h"},
	"server.drain_timeout":   {doc: "How long running requests may go on when the server is asked to stop.", def: "20s", min: "0s", max: "1h"},
	"server.direct":          {doc: "Whether clients may name upstream/model in place of a task.", def: DirectAllow, enum: []string{DirectAllow, DirectDeny}},
	"server.keys":            {doc: "The keys that clients may use. Absent: no key is asked for, which is only allowed on a loopback address."},
	"server.keys.*":          {doc: "One key."},
	"server.keys.*.name":     {doc: "The principal that decisions are put on record for.", required: true, form: formName},
	"server.keys.*.sha256":   {doc: "The SHA-256 of the key, 64 lower-case hexadecimal digits.", required: true, form: formHex},
	"server.keys.*.metadata": {doc: "Metadata that is fixed by the key and replaces what a client claims.", many: 64},

	"journal":                   {doc: "How decisions are put on record."},
	"journal.durability":        {doc: "When a record is safe from a power cut: every fsync_interval, or before the answer leaves.", def: DurabilityInterval, enum: []string{DurabilityInterval, DurabilitySync}},
	"journal.fsync_interval":    {doc: "How much a power cut may lose, and how often writing is tried again after it failed.", def: "1s", min: "1ms", max: "1m"},
	"journal.on_full":           {doc: "What happens to requests while records cannot be written.", def: OnFullRefuse, enum: []string{OnFullRefuse, OnFullAnswer}},
	"journal.segment_size":      {doc: "The size at which the next file is begun.", def: "64MiB", min: "1MiB", max: "2GiB"},
	"journal.retention":         {doc: "How long decisions are kept, or forever.", def: "forever", min: "1h", max: "36500d"},
	"journal.payload_retention": {doc: "How long texts are kept, or forever; never longer than their decisions.", def: "30d", min: "1m", max: "36500d"},

	"upstreams":             {doc: "The endpoints that answer, by name.", required: true, least: 1, many: 1000, form: formName},
	"upstreams.*":           {doc: "One endpoint."},
	"upstreams.*.type":      {doc: "The family of provider: student models in this process, anything that speaks the OpenAI chat-completions API, or answers from a recording.", required: true, enum: []string{string(TypeEmbedded), string(TypeOpenAI), string(TypeRecorded)}},
	"upstreams.*.location":  {doc: "Where it runs: in this process or on this device, on your own machines, or at a vendor's. Rules about data depend on it.", required: true, enum: texts(pointsman.Locations)},
	"upstreams.*.region":    {doc: "The region it runs in, a name of your own. Rules about data depend on it.", form: formName},
	"upstreams.*.timeout":   {doc: "How long one answer may take, for tiers that say nothing.", def: "30s", min: "1ms", max: "1h"},
	"upstreams.*.base_url":  {doc: "Of openai: the URL that /chat/completions is appended to. May contain ${NAME}.", form: formURL, text: 2048},
	"upstreams.*.api_key":   {doc: "Of openai: where the key is to be found, ${NAME} or file:path. Never the key itself."},
	"upstreams.*.headers":   {doc: "Of openai: more headers to send. May contain ${NAME}; a header that carries a credential must.", many: 64, form: formHeader},
	"upstreams.*.headers.*": {doc: "The value of one header.", text: 8192},
	"upstreams.*.recording": {doc: "Of recorded: the recording to answer from. Relative to this file.", form: formPath},
	"upstreams.*.pace":      {doc: "Of recorded: answer at once, or after as long as the recorded answer took.", def: string(PaceNone), enum: []string{string(PaceNone), string(PaceRecorded)}},

	"models":                      {doc: "The models that tiers may ask, by name.", required: true, least: 1, many: 1000, form: formName},
	"models.*":                    {doc: "One model as one upstream offers it."},
	"models.*.upstream":           {doc: "The upstream that offers it.", required: true},
	"models.*.name":               {doc: "What the upstream calls it. Default: this model's own name.", text: 256, form: formLine},
	"models.*.artefact":           {doc: "Of an embedded model: its weights, sha256:… in the artefact store or file:path.", text: 4096, form: formArtefact},
	"models.*.context_window":     {doc: "How many tokens it reads. Absent: unknown.", min: "1", max: "100000000"},
	"models.*.price":              {doc: "What it charges in US dollars per million tokens, as exact decimals; unknown or absent: unknown, and then so are all costs."},
	"models.*.price.input":        {doc: "Per million input tokens.", required: true, min: "0", max: "1000000"},
	"models.*.price.cached_input": {doc: "Per million input tokens that the provider served from its cache. Default: as input.", min: "0", max: "1000000"},
	"models.*.price.output":       {doc: "Per million output tokens, reasoning included.", required: true, min: "0", max: "1000000"},

	"rules":                      {doc: "Rules of every task and of direct requests. They forbid or raise the stakes; pins and tiers are a task's own.", many: 256},
	"rules.*":                    {doc: "One rule."},
	"rules.*.name":               ruleName,
	"rules.*.when":               ruleWhen,
	"rules.*.forbid":             ruleForbid,
	"rules.*.forbid.locations":   ruleLocations,
	"rules.*.forbid.locations.*": ruleLocation,
	"rules.*.forbid.regions":     ruleRegions,
	"rules.*.forbid.regions.*":   {doc: "One region."},
	"rules.*.forbid.upstreams":   ruleUpstreams,
	"rules.*.forbid.upstreams.*": {doc: "One upstream."},
	"rules.*.stakes":             ruleStakes,

	"tasks":               {doc: "The workloads, by name. Clients name them as model.", required: true, least: 1, many: 1000, form: formName},
	"tasks.*":             {doc: "One workload."},
	"tasks.*.kind":        {doc: "What the task does, which decides how its answers are read, scored and trusted.", required: true, enum: texts(pointsman.Kinds)},
	"tasks.*.description": {doc: "For people."},

	"tasks.*.contract":             {doc: "What every answer must satisfy."},
	"tasks.*.contract.labels":      {doc: "The closed set of labels.", oneOf: "labels_file"},
	"tasks.*.contract.labels.*":    {doc: "One label.", text: 256, form: formLine},
	"tasks.*.contract.labels_file": {doc: "A file with one label a line. Relative to this file.", oneOf: "labels", form: formPath},
	"tasks.*.contract.pattern":     {doc: "An RE2 expression whose first group is the answer within the text; the last match counts. Absent: the whole text.", text: 4096},
	"tasks.*.contract.schema":      {doc: "A JSON Schema (2020-12) that the answer must satisfy.", oneOf: "schema_file"},
	"tasks.*.contract.schema_file": {doc: "A file with the JSON Schema. Relative to this file.", oneOf: "schema", form: formPath},
	"tasks.*.contract.verbatim":    {doc: "Every text of an extracted object must stand in the request word for word.", def: "false"},

	"tasks.*.prompt": {doc: "The instruction of every tier that has none of its own."},

	"tasks.*.tiers":           {doc: "The models that may answer, cheapest first.", required: true, least: 1, many: 16},
	"tasks.*.tiers.*":         {doc: "One tier."},
	"tasks.*.tiers.*.name":    {doc: "What rules, pins and headers call it.", required: true, form: formName},
	"tasks.*.tiers.*.model":   {doc: "The model that it asks.", required: true},
	"tasks.*.tiers.*.prompt":  {doc: "The instruction of this tier, in place of the task's."},
	"tasks.*.tiers.*.params":  {doc: "Members of the request body that this tier sets.", many: 64},
	"tasks.*.tiers.*.timeout": {doc: "How long its answer may take. Default: the upstream's timeout.", min: "1ms", max: "1h"},

	"tasks.*.witness":         {doc: "Another small model that is asked beside every tier but the last, so that agreement can be measured."},
	"tasks.*.witness.model":   {doc: "The model that it asks.", required: true},
	"tasks.*.witness.prompt":  {doc: "The instruction of the witness, in place of the task's."},
	"tasks.*.witness.params":  {doc: "Members of the request body that the witness sets.", many: 64},
	"tasks.*.witness.timeout": {doc: "How long its answer may take. Default: the upstream's timeout.", min: "1ms", max: "1h"},

	"tasks.*.target":            {doc: "The quality that a policy must promise."},
	"tasks.*.target.retain":     {doc: "The cascade's quality as a share of the largest tier's.", def: "0.95", min: "0", above: true, max: "1"},
	"tasks.*.target.confidence": {doc: "The probability, over the draw of the calibration examples, that the promise holds.", def: "0.95", min: "0.5", max: "1", below: true},

	"tasks.*.slices":   {doc: "Metadata keys whose values name slices.", many: 32},
	"tasks.*.slices.*": {doc: "One metadata key.", text: 256, form: formLine},
	"tasks.*.record":   {doc: "How much of a request's and answer's text is kept.", def: string(pointsman.RecordRedacted), enum: texts(pointsman.Recordings)},
	"tasks.*.fallback": {doc: "What is answered when every larger tier failed: an error, or the best answer that was not trusted.", def: FallbackNone, enum: []string{FallbackNone, FallbackBestAnswer}},

	"tasks.*.rules":                    {doc: "What may answer which request.", many: 256},
	"tasks.*.rules.*":                  {doc: "One rule: where its expression holds, it forbids, pins or raises the stakes."},
	"tasks.*.rules.*.name":             ruleName,
	"tasks.*.rules.*.when":             ruleWhen,
	"tasks.*.rules.*.forbid":           ruleForbid,
	"tasks.*.rules.*.forbid.locations": ruleLocations,
	"tasks.*.rules.*.forbid.regions":   ruleRegions,
	"tasks.*.rules.*.forbid.tiers":     {doc: "These tiers."},
	"tasks.*.rules.*.forbid.upstreams": ruleUpstreams,
	"tasks.*.rules.*.pin":              {doc: "The tier that answers. Of several pins the largest permitted tier wins."},
	"tasks.*.rules.*.stakes":           ruleStakes,

	"tasks.*.rules.*.forbid.locations.*": ruleLocation,
	"tasks.*.rules.*.forbid.regions.*":   {doc: "One region."},
	"tasks.*.rules.*.forbid.tiers.*":     {doc: "One tier."},
	"tasks.*.rules.*.forbid.upstreams.*": {doc: "One upstream."},

	"tasks.*.probes":                {doc: "Requests with what must become of them; pointsman check runs them."},
	"tasks.*.probes.*":              {doc: "One probe."},
	"tasks.*.probes.*.name":         {doc: "What check calls it.", required: true, form: formName},
	"tasks.*.probes.*.input":        {doc: "The text of the user's message.", required: true},
	"tasks.*.probes.*.metadata":     {doc: "The metadata of the request.", many: 64},
	"tasks.*.probes.*.expect":       {doc: "What must become of it; at least one of tier, cause and rule.", required: true, least: 1},
	"tasks.*.probes.*.expect.tier":  {doc: "The tier that is asked first."},
	"tasks.*.probes.*.expect.cause": {doc: "Why that tier is asked.", enum: texts(pointsman.Causes)},
	"tasks.*.probes.*.expect.rule":  {doc: "A rule that must hold."},

	"server.keys.*.metadata.*":       {doc: "The value of one metadata key.", text: 1024},
	"tasks.*.probes.*.metadata.*":    {doc: "The value of one metadata key.", text: 1024},
	"tasks.*.tiers.*.params.*":       {doc: "Any JSON value."},
	"tasks.*.witness.params.*":       {doc: "Any JSON value."},
	"tasks.*.prompt.version":         promptVersion,
	"tasks.*.tiers.*.prompt.version": promptVersion,
	"tasks.*.witness.prompt.version": promptVersion,
	"tasks.*.prompt.system":          promptSystem,
	"tasks.*.tiers.*.prompt.system":  promptSystem,
	"tasks.*.witness.prompt.system":  promptSystem,

	"tasks.*.prompt.system_file":         promptFile,
	"tasks.*.tiers.*.prompt.system_file": promptFile,
	"tasks.*.witness.prompt.system_file": promptFile,
}

// A prompt has the same fields wherever it stands, and so has a rule.
var (
	promptVersion = field{doc: "Your own name for this wording; part of what identifies the variant.", required: true, text: 128, form: formLine}
	promptSystem  = field{doc: "The system message.", oneOf: "system_file", text: maxIncluded}
	promptFile    = field{doc: "A file with the system message. Relative to this file.", oneOf: "system", form: formPath}
	ruleName      = field{doc: "What decisions and probes call it.", required: true, form: formName}
	ruleWhen      = field{doc: "A CEL expression over metadata, task, principal, conversation, input, chars, words, turns, stream and pin.", required: true, text: 4096}
	ruleForbid    = field{doc: "The tiers that may not answer, by what they are or where they run."}
	ruleLocations = field{doc: "Tiers whose upstream runs there."}
	ruleRegions   = field{doc: "Tiers whose upstream runs in that region."}
	ruleUpstreams = field{doc: "Tiers of these upstreams."}
	ruleStakes    = field{doc: "What the uplift of asking on is multiplied by. Of several the largest counts.", min: "1", max: "1000000"}
	ruleLocation  = field{doc: "One location.", enum: texts(pointsman.Locations)}
)

func texts[T ~string](values []T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}

// Defaults are the values of everything that the file may leave out, by path,
// where * stands for any name: what `pointsman schema` and the documentation
// print.
func Defaults() (paths []string, values map[string]string) {
	values = map[string]string{}
	for path, f := range fields {
		if f.def != "" {
			paths = append(paths, path)
			values[path] = f.def
		}
	}
	sort.Strings(paths)
	return paths, values
}

// join appends a step to a path of the table.
func join(path, step string) string {
	if path == "" {
		return step
	}
	return strings.Join([]string{path, step}, ".")
}
