"""Ready-made analyses: a question as prompt data (`prompts`), and what can be said of it without a model (`parts`).

analysis = analysis_named("architecture", known_analyses(root)[0])
tables = facts(analysis.facts, tree, Sources(read=snapshot.read, history=churn(git), subject=subject))
graph = module_graph(tree)
"""
