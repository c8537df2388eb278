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
# What can be asked. Prices are US dollars per million tokens, as exact decimals.
# List prices of vendors are those of %s: look whether
# they still hold, and what your contract says. A price that you do not know is
# written unknown; it is never taken for nothing.
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

// initExamples are enough to try the embedded models, and not to trust them.
const initExamples = `{"input":"why was I charged twice this month","label":"billing"}
{"input":"where is my parcel","label":"shipping"}
{"input":"how do I send this back","label":"returns"}
{"input":"I cannot log in any more","label":"account"}
{"input":"do you have jobs in marketing","label":"other"}
{"input":"there is a payment on my card that I do not recognise","label":"billing"}
{"input":"the tracking has not moved for three days","label":"shipping"}
{"input":"the shoes are too small, can I exchange them","label":"returns"}
{"input":"please reset my password","label":"account"}
{"input":"is the shop in Lyon open on Sunday","label":"other"}
{"input":"can I have an invoice with our VAT number","label":"billing"}
{"input":"when will my order arrive","label":"shipping"}
{"input":"where do I get a return label","label":"returns"}
{"input":"how do I change my e-mail address","label":"account"}
{"input":"thank you, that was all","label":"other"}
{"input":"my invoice shows the wrong amount","label":"billing"}
{"input":"can you send it to another address","label":"shipping"}
{"input":"I returned it two weeks ago, where is my refund","label":"returns"}
{"input":"delete my account and my data","label":"account"}
{"input":"what material is the blue jacket made of","label":"other"}
{"input":"how do I change my payment method","label":"billing"}
{"input":"the delivery came while I was out","label":"shipping"}
{"input":"the lamp arrived broken, I want to return it","label":"returns"}
{"input":"the login code never arrives","label":"account"}
{"input":"will the red kettle be in stock again","label":"other"}
{"input":"the direct debit failed, what now","label":"billing"}
{"input":"how much is express delivery","label":"shipping"}
{"input":"can I return something without the box","label":"returns"}
{"input":"somebody else has used my account","label":"account"}
{"input":"I would like to speak to your press office","label":"other"}
{"input":"do you accept bank transfer","label":"billing"}
{"input":"do you ship to Norway","label":"shipping"}
{"input":"how long do I have to return an item","label":"returns"}
{"input":"how do I turn on two-factor login","label":"account"}
{"input":"do you sponsor local sports clubs","label":"other"}
{"input":"I was billed after I had cancelled","label":"billing"}
{"input":"the courier says the parcel is lost","label":"shipping"}
{"input":"you sent the wrong colour, please take it back","label":"returns"}
{"input":"my profile shows the wrong name","label":"account"}
{"input":"your new advert made me laugh","label":"other"}
`
