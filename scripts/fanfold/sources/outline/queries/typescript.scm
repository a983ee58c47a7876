; What TypeScript has beyond JavaScript.

(abstract_class_declaration name: (_) @name) @definition.class
(interface_declaration name: (_) @name) @definition.interface
(type_alias_declaration name: (_) @name) @definition.type
(enum_declaration name: (_) @name) @definition.enum
(module name: (_) @name) @definition.module
(internal_module name: (_) @name) @definition.module
(function_signature name: (identifier) @name) @definition.function
(method_signature name: (_) @name) @definition.method
(abstract_method_signature name: (_) @name) @definition.method
(public_field_definition name: (_) @name value: [(arrow_function) (function_expression)]) @definition.method
(public_field_definition name: (_) @name) @definition.variable
(property_signature name: (_) @name) @definition.variable
(program (ambient_declaration (lexical_declaration (variable_declarator name: (_) @name) @definition.variable)))
(program (ambient_declaration (variable_declaration (variable_declarator name: (_) @name) @definition.variable)))

(import_statement (import_require_clause (identifier) @bound source: (string) @module))
