(method name: (_) @name) @definition.method
(singleton_method name: (_) @name) @definition.method
(alias name: (_) @name) @definition.method
(class name: (_) @name) @definition.class
(module name: (_) @name) @definition.module
(assignment left: (constant) @name) @definition.constant

(call
  !receiver method: (identifier) @require (#any-of? @require "require" "load")
  arguments: (argument_list . (string) @module .))
(call
  !receiver method: (identifier) @require (#eq? @require "require_relative")
  arguments: (argument_list . (string) @file .))
