package site

import (
	"encoding/json"
	"strings"

	"rowlock/sqlstore"
)

// parameterDefinitions has what may be set in each scope.
func parameterDefinitions() object {
	global, local := object{}, object{}
	for _, row := range sqlstore.ParameterRows() {
		m := member{row.Name, parameterSchema(row)}
		global = append(global, m)
		if row.Scopes == "any" {
			local = append(local, member{row.Name, ref(parameterPointer(row), row.Help)})
		}
	}
	scope := func(properties object) object {
		return object{{"type", []string{"object", "null"}}, {"properties", properties}, {"additionalProperties", false}}
	}
	return object{{"global_parameters", scope(global)}, {"parameters", scope(local)}}
}

func parameterPointer(row sqlstore.ParameterRow) string {
	return "global_parameters/properties/" + row.Name
}

// parameterSchema is a value, or a mapping of a value and a comment.
func parameterSchema(row sqlstore.ParameterRow) object {
	out := object{{"description", row.Help}}
	if row.Default != "" {
		out = append(out, member{"default", defaultValue(row)})
	}
	commented := mappingSchema("", parameterKeys, []string{"value"}, map[string]any{
		"value":   object{{"$ref", "#/$defs/" + parameterPointer(row) + "/anyOf/0"}},
		"comment": object{{"$ref", "#/$defs/comment"}},
	})
	return append(out, member{"anyOf", []object{valueSchema(row), commented}})
}

func defaultValue(row sqlstore.ParameterRow) any {
	if row.Lowest != nil || row.Type == string(sqlstore.BoolParameter) {
		return json.RawMessage(row.Default)
	}
	return row.Default
}

func valueSchema(row sqlstore.ParameterRow) object {
	switch {
	case row.Lowest != nil && row.Whole:
		return whole(row.Type, int64(*row.Lowest), int64(*row.Highest))
	case row.Lowest != nil:
		return object{
			{"description", row.Type},
			{"type", []string{"number", "string"}},
			{"minimum", *row.Lowest},
			{"maximum", *row.Highest},
			{"pattern", `^[0-9.]+([eE][-+]?[0-9]+)?$`},
		}
	case row.Type == string(sqlstore.BoolParameter):
		return truth(row.Type)
	case row.Choices != "":
		return object{{"description", row.Type}, {"enum", strings.Split(row.Choices, ",")}}
	case row.Type == string(sqlstore.IPv4Parameter):
		return pattern(row.Type, `^[0-9]{1,3}(\.[0-9]{1,3}){3}$`)
	case row.Type == string(sqlstore.CharacterParameter):
		return object{{"description", row.Type}, {"type", []string{"string", "integer"}}, {"maxLength", 1}, {"minimum", 0}, {"maximum", 9}}
	}
	return object{{"description", row.Type}, {"type", []string{"string", "number", "boolean"}}, {"pattern", `^[A-Za-z0-9.-]*$`}}
}
