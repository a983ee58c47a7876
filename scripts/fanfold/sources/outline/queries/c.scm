; C, and the part that C++ shares with it.

(function_definition
  declarator: [
    (function_declarator declarator: (_) @name)
    (pointer_declarator declarator: (function_declarator declarator: (_) @name))
    (pointer_declarator declarator: (pointer_declarator declarator: (function_declarator declarator: (_) @name)))
  ]) @definition.function
(struct_specifier name: (_) @name body: (_)) @definition.struct
(union_specifier name: (_) @name body: (_)) @definition.struct
(enum_specifier name: (_) @name body: (_)) @definition.enum
(enumerator name: (identifier) @name) @definition.constant
(type_definition declarator: (type_identifier) @name) @definition.type
(type_definition
  declarator: (function_declarator
    declarator: (parenthesized_declarator (pointer_declarator declarator: (type_identifier) @name)))) @definition.type
(preproc_def name: (identifier) @name) @definition.macro
(preproc_function_def name: (identifier) @name) @definition.macro
(translation_unit
  (declaration
    declarator: [
      (function_declarator declarator: (identifier) @name)
      (pointer_declarator declarator: (function_declarator declarator: (identifier) @name))
      (function_declarator declarator: (parenthesized_declarator (identifier) @name))
      (pointer_declarator declarator: (function_declarator declarator: (parenthesized_declarator (identifier) @name)))
    ]) @definition.function)
; Headers guard all that they declare.
(preproc_ifdef
  (declaration
    declarator: [
      (function_declarator declarator: (identifier) @name)
      (pointer_declarator declarator: (function_declarator declarator: (identifier) @name))
      (function_declarator declarator: (parenthesized_declarator (identifier) @name))
      (pointer_declarator declarator: (function_declarator declarator: (parenthesized_declarator (identifier) @name)))
    ]) @definition.function)
(preproc_if
  (declaration
    declarator: [
      (function_declarator declarator: (identifier) @name)
      (pointer_declarator declarator: (function_declarator declarator: (identifier) @name))
      (function_declarator declarator: (parenthesized_declarator (identifier) @name))
      (pointer_declarator declarator: (function_declarator declarator: (parenthesized_declarator (identifier) @name)))
    ]) @definition.function)
(preproc_else
  (declaration
    declarator: [
      (function_declarator declarator: (identifier) @name)
      (pointer_declarator declarator: (function_declarator declarator: (identifier) @name))
      (function_declarator declarator: (parenthesized_declarator (identifier) @name))
      (pointer_declarator declarator: (function_declarator declarator: (parenthesized_declarator (identifier) @name)))
    ]) @definition.function)
(translation_unit (declaration declarator: (identifier) @name) @definition.variable)
(translation_unit (declaration declarator: (init_declarator declarator: (identifier) @name)) @definition.variable)
(translation_unit
  (declaration declarator: (init_declarator declarator: (array_declarator declarator: (identifier) @name)))
  @definition.variable)
(translation_unit
  (declaration declarator: (init_declarator declarator: (pointer_declarator declarator: (identifier) @name)))
  @definition.variable)
(field_declaration declarator: (field_identifier) @name) @definition.variable

(preproc_include path: (_) @module)
