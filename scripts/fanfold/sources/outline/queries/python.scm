; For files that Python's own parser refuses.

(function_definition name: (identifier) @name) @definition.function
(class_definition name: (identifier) @name) @definition.class
(module (expression_statement (assignment left: (identifier) @name) @definition.variable))
(class_definition
  body: (block (expression_statement (assignment left: (identifier) @name) @definition.variable)))

(import_statement name: (dotted_name) @module)
(import_statement name: (aliased_import name: (dotted_name) @module alias: (identifier) @bound))
(import_from_statement module_name: (_) @module name: (dotted_name) @imported)
(import_from_statement
  module_name: (_) @module name: (aliased_import name: (dotted_name) @imported alias: (identifier) @bound))
(import_from_statement module_name: (_) @module (wildcard_import) @imported)
