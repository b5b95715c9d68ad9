//go:build linux

package operator

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// parse puts what a file says over c, and returns the settings that it has a value for.
func parse(text []byte, c *Config) (said map[string]bool, err error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	var tree map[string]any
	if err := toml.Unmarshal(text, &tree); err != nil {
		return nil, err
	}
	values := make(map[string]any)
	for key, value := range tree {
		table, isTable := value.(map[string]any)
		if !isTable || key == "listen" {
			values[key] = value
			continue
		}
		for inner, value := range table {
			values[key+"."+inner] = value
		}
	}
	for _, key := range []string{"policy", "compile.timeout"} { // which the parser would take a number for
		if v, there := values[key]; there {
			if _, isText := v.(string); !isText {
				return nil, fmt.Errorf("%s is %v: it has to be a text in quotes", key, v)
			}
		}
	}
	if err := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields().Decode(c); err != nil {
		return nil, err
	}
	said = make(map[string]bool)
	for key := range values {
		if !slices.Contains(keys, key) { // one in another case, which the parser takes
			return nil, noSetting(key)
		}
		said[key] = true
	}
	listen, _ := tree["listen"].(map[string]any)
	for name, one := range listen {
		table, _ := one.(map[string]any)
		for key := range table {
			if key != "address" && key != "annotations" {
				return nil, noSetting("listen." + name + "." + key)
			}
		}
	}
	return said, nil
}

// located is an error of parse with where it is in the file name.
func located(name string, err error) error {
	var unknown *toml.StrictMissingError
	if errors.As(err, &unknown) {
		e := &unknown.Errors[0]
		line, _ := e.Position()
		return fmt.Errorf("%s:%d: %w", name, line, noSetting(strings.Join(e.Key(), ".")))
	}
	var wrong *toml.DecodeError
	if !errors.As(err, &wrong) {
		return fmt.Errorf("%s: %w", name, err)
	}
	line, _ := wrong.Position()
	if key := strings.Join(wrong.Key(), "."); key != "" {
		return fmt.Errorf("%s:%d: %s: %w", name, line, key, err)
	}
	return fmt.Errorf("%s:%d: %w", name, line, err)
}

func noSetting(key string) error {
	return fmt.Errorf("%s is no setting: there are %s", key, strings.Join(keys, ", "))
}
