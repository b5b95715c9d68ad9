// Command validate holds CycloneDX documents to the schema that CycloneDX publishes, formats too. It is a module of its own, so that nothing
// else depends on a validator.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	_ "github.com/CycloneDX/cyclonedx-go" // whose module has the schemas
	"github.com/santhosh-tekuri/jsonschema/v5"
)

func main() {
	if err := validate(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "validate:", err)
		os.Exit(1)
	}
}

// files are the schema of version 1.5, and what it refers to, by their addresses.
var files = map[string]string{
	"http://cyclonedx.org/schema/bom-1.5.schema.json":  "bom-1.5.schema.json",
	"http://cyclonedx.org/schema/spdx.schema.json":     "spdx.schema.json",
	"http://cyclonedx.org/schema/jsf-0.82.schema.json": "jsf-0.82.schemax.json",
}

func validate(names []string) error {
	if len(names) == 0 {
		return errors.New("give documents; run it in the directory of its source")
	}
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go").Output()
	if err != nil {
		return fmt.Errorf("go list: %w", err)
	}
	compiler := jsonschema.NewCompiler() // which has no loader of addresses, but of what is added
	compiler.AssertFormat = true
	for address, name := range files {
		text, err := os.ReadFile(filepath.Join(string(bytes.TrimSpace(dir)), "schema", name))
		if err == nil {
			err = compiler.AddResource(address, bytes.NewReader(text))
		}
		if err != nil {
			return err
		}
	}
	schema, err := compiler.Compile("http://cyclonedx.org/schema/bom-1.5.schema.json")
	if err != nil {
		return err
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		var document any
		if err := json.Unmarshal(text, &document); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := schema.Validate(document); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}
