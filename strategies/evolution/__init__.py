"""Evolution and local search: children of what did well."""
