(struct_item name: (type_identifier) @name) @definition.struct
(union_item name: (type_identifier) @name) @definition.struct
(enum_item name: (type_identifier) @name) @definition.enum
(trait_item name: (type_identifier) @name) @definition.interface
(type_item name: (type_identifier) @name) @definition.type
(associated_type name: (type_identifier) @name) @definition.type
(function_item name: (identifier) @name) @definition.function
(function_signature_item name: (identifier) @name) @definition.function
(mod_item name: (identifier) @name body: (_)) @definition.module
(macro_definition name: (identifier) @name) @definition.macro
(const_item name: (identifier) @name) @definition.constant
(static_item name: (identifier) @name) @definition.constant
(field_declaration name: (field_identifier) @name) @definition.variable
(enum_variant name: (identifier) @name) @definition.constant

(impl_item
  type: [
    (type_identifier) @scope
    (generic_type type: (_) @scope)
    (scoped_type_identifier name: (_) @scope)
  ]) @within

(use_declaration (visibility_modifier) @exported argument: (_) @module)
(use_declaration argument: (_) @module)
(extern_crate_declaration name: (identifier) @module alias: (identifier)? @bound)
(mod_item name: (identifier) @module !body) @file
