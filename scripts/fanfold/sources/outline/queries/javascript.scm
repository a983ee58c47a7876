; JavaScript, and the part that TypeScript shares with it. Of two patterns for one name, the first counts.

(function_declaration name: (identifier) @name) @definition.function
(generator_function_declaration name: (identifier) @name) @definition.function
(class_declaration name: (_) @name) @definition.class
(method_definition name: (_) @name) @definition.method

(variable_declarator
  name: (identifier) @name
  value: [(arrow_function) (function_expression) (generator_function)]) @definition.function
(variable_declarator name: (identifier) @name value: (class)) @definition.class
(assignment_expression
  left: [(identifier) @name (member_expression object: (_) @scope property: (property_identifier) @name)]
  right: [(arrow_function) (function_expression) (generator_function)]) @definition.function
(assignment_expression
  left: [(identifier) @name (member_expression property: (property_identifier) @name)]
  right: (class)) @definition.class
(pair
  key: (property_identifier) @name
  value: [(arrow_function) (function_expression) (generator_function)]) @definition.function
(export_statement
  "default" @name value: [(arrow_function) (function_expression) (generator_function)]) @definition.function
(export_statement "default" @name value: (class)) @definition.class

(program (lexical_declaration (variable_declarator name: (identifier) @name) @definition.variable))
(program (variable_declaration (variable_declarator name: (identifier) @name) @definition.variable))
(program
  (export_statement (lexical_declaration (variable_declarator name: (identifier) @name) @definition.variable)))
(program
  (export_statement (variable_declaration (variable_declarator name: (identifier) @name) @definition.variable)))

(import_statement (import_clause (identifier) @bound.default) source: (string) @module)
(import_statement (import_clause (namespace_import (identifier) @bound)) source: (string) @module)
(import_statement
  (import_clause (named_imports (import_specifier name: (_) @imported alias: (_)? @bound)))
  source: (string) @module)
(import_statement . (string) @module)
(export_statement
  (export_clause (export_specifier name: (_) @imported alias: (_)? @bound)) source: (string) @module) @exported
(export_statement "*" @imported source: (string) @module) @exported
(export_statement (namespace_export (_) @bound) source: (string) @module) @exported
(variable_declarator
  name: (identifier) @bound
  value: (call_expression
    function: (identifier) @require (#eq? @require "require") arguments: (arguments . (string) @module .)))
(variable_declarator
  name: (identifier) @bound
  value: (member_expression
    object: (call_expression
      function: (identifier) @require (#eq? @require "require") arguments: (arguments . (string) @module .))
    property: (property_identifier) @imported))
(variable_declarator
  name: (object_pattern (shorthand_property_identifier_pattern) @imported)
  value: (call_expression
    function: (identifier) @require (#eq? @require "require") arguments: (arguments . (string) @module .)))
(variable_declarator
  name: (object_pattern (pair_pattern key: (property_identifier) @imported value: (identifier) @bound))
  value: (call_expression
    function: (identifier) @require (#eq? @require "require") arguments: (arguments . (string) @module .)))
(expression_statement
  (call_expression
    function: (identifier) @require (#eq? @require "require") arguments: (arguments . (string) @module .)))
(call_expression function: (import) arguments: (arguments . (string) @module))
