(class_declaration name: (name) @name) @definition.class
(interface_declaration name: (name) @name) @definition.interface
(trait_declaration name: (name) @name) @definition.class
(enum_declaration name: (name) @name) @definition.enum
(enum_case name: (name) @name) @definition.constant
(function_definition name: (name) @name) @definition.function
(method_declaration name: (name) @name) @definition.method
(const_declaration (const_element . (name) @name)) @definition.constant
(property_declaration (property_element name: (variable_name (name) @name))) @definition.variable
(namespace_definition name: (namespace_name) @name body: (_)) @definition.module

(namespace_use_declaration
  !body (namespace_use_clause [(qualified_name) (name)] @module alias: (name)? @bound))
(namespace_use_declaration
  (namespace_name) @prefix
  body: (namespace_use_group (namespace_use_clause [(qualified_name) (name)] @module alias: (name)? @bound)))
(require_expression (string) @file)
(require_once_expression (string) @file)
(include_expression (string) @file)
(include_once_expression (string) @file)
