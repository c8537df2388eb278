package config_test

import (
	"fmt"

	"github.com/pointsman-ai/pointsman/internal/config"
)

func ExampleParse() {
	_, err := config.Parse("pointsman.yaml", []byte(`version: 1
upstreams:
  on_premises: {type: openai, base_url: "http://127.0.0.1:11434/v1", location: self_hosted}
models:
  small: {upstream: on_premiss}
tasks:
  chat:
    kind: open
    tiers:
      - {name: only, model: small, timeout: 5}
`), ".")
	fmt.Println(err)
	// Output:
	// pointsman.yaml:5:21: there is no upstream "on_premiss"
	//     5 |   small: {upstream: on_premiss}
	//       |                     ^
	//       hint: did you mean "on_premises"?
	// pointsman.yaml:10:45: want a duration, this is a number
	//    10 |       - {name: only, model: small, timeout: 5}
	//       |                                             ^
	//       hint: a number needs a unit: 5s, 5m, 5h, 5d
}

func ExampleConfig_Problem() {
	c, err := config.Parse("pointsman.yaml", []byte(`version: 1
upstreams:
  local: {type: embedded, location: edge}
models:
  small: {upstream: local, artefact: "file:./small.student"}
tasks:
  chat: {kind: open, tiers: [{name: only, model: small}]}
`), ".")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.Problem(config.At("models", "small", "artefact"), fmt.Errorf("the file was cut short")))
	// Output:
	// pointsman.yaml:5:38: the file was cut short
	//     5 |   small: {upstream: local, artefact: "file:./small.student"}
	//       |                                      ^
}
