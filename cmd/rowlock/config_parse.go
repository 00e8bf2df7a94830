package main

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/goccy/go-yaml"
)

// parseConfig reads a process file into c; unknown keys are errors with line
// and column.
func parseConfig(name string, data []byte, c *processConfig) error {
	err := yaml.UnmarshalWithOptions(data, c, yaml.Strict())
	var y yaml.Error
	if errors.As(err, &y) && y.GetToken() != nil {
		at, text := y.GetToken().Position, y.GetMessage()
		if t := (*yaml.TypeError)(nil); errors.As(err, &t) {
			text = fmt.Sprintf("%q is not %s", y.GetToken().Value, describe(t.DstType))
		}
		if t := (*yaml.OverflowError)(nil); errors.As(err, &t) {
			text = t.SrcNum + " does not fit here"
			if t.DstType.Kind() == reflect.Uint16 { // the only ones are ports
				text = "port: " + t.SrcNum + " is not a port number"
			}
		}
		return fmt.Errorf("%s:%d:%d: %s", name, at.Line, at.Column, text)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// describe names what a value of the process file should be.
func describe(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return describe(t.Elem())
	case reflect.Slice:
		return "a list"
	case reflect.Struct:
		return "a mapping"
	case reflect.String:
		return "text"
	}
	return "a number that fits here"
}
