package contract

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schema is a compiled JSON Schema (2020-12).
type schema struct{ compiled *jsonschema.Schema }

// offline refuses every reference to a document elsewhere: a schema is whole by
// itself, and nothing is fetched.
type offline struct{}

func (offline) Load(url string) (any, error) {
	return nil, fmt.Errorf("a reference to %s: a schema must not refer to other documents", url)
}

func compileSchema(source []byte) (*schema, error) {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(source))
	if err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(offline{})
	compiler.DefaultDraft(jsonschema.Draft2020)
	const name = "contract:schema"
	if err := compiler.AddResource(name, document); err != nil {
		return nil, err
	}
	compiled, err := compiler.Compile(name)
	if err != nil {
		return nil, err
	}
	return &schema{compiled}, nil
}

// check says which part of the schema a value breaks, in one line and without a
// word of the value.
func (s *schema) check(value any) error {
	err := s.compiled.Validate(value)
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		return err
	}
	for len(invalid.Causes) > 0 {
		invalid = invalid.Causes[0]
	}
	_, path, _ := strings.Cut(invalid.SchemaURL, "#")
	rule := strings.Join(invalid.ErrorKind.KeywordPath(), "/")
	return fmt.Errorf("the answer breaks the schema's %s/%s", path, rule)
}
