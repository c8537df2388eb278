package config

// The parts of the file that Init writes. They are the first that an owner
// reads of the format, so the comments say what one would ask next.
const (
	initHead = `# What pointsman does. pointsman check tests this file; pointsman schema prints
# its JSON Schema, from which editors complete and explain every key.
version: 1

# The journal, the artefacts and the index. Paths are relative to this file.
data_dir: ./data

server:
  # Only this machine can reach a loopback address. To listen for others, add
  # keys first: pointsman key new makes one.
  listen: 127.0.0.1:8087

journal:
  durability: interval # sync: on disk before the answer leaves
  retention: forever # or a time, such as 365d
  payload_retention: 30d # of texts

# Where answers come from. location and region are what rules about data go by.
upstreams:
`

	initModels = `
# What can be asked. Prices are US dollars per million tokens, as exact
# decimals: {input: 0.15, cached_input: 0.075, output: 0.60}. An unknown price
# stays unknown; it is never taken for nothing.
models:
`

	initTask = `
# Workloads. A client names a task as its model.
tasks:
  support:
    kind: classify
    description: What a customer's message is about.
    contract:
      labels: [billing, shipping, returns, account, other]
    prompt:
      version: "1"
      system: |
        Say what the customer's message is about. Answer with one of these words
        and nothing else: billing, shipping, returns, account, other.
`

	initRules = `    target: {retain: 0.95, confidence: 0.95} # 95 %% of the large tier's quality, with 95 %% confidence
    slices: [channel] # metadata keys whose values must not get worse on their own
    record: redacted # or full, hashed, none
    rules:
      # Rules come first, and nothing that is learned overrides them.
      - {name: high-stakes, when: 'metadata["stakes"] == "high"', pin: %[1]s}
    probes:
      # pointsman check sends these through the rules.
      - {name: high-stakes-goes-up, input: "Where is my refund?", metadata: {stakes: high}, expect: {tier: %[1]s, rule: high-stakes}}
`
)
