"""ALFWorld: household tasks in text, from its files or generated.

`environment` is what `make_env("alfworld/…")` returns; `sources` finds or makes the
game of a task (`game_file`, `download`, `generator` with `package`); `engine` plays it
with `pddl`, `facts` and `grammar`, or `stock` with TextWorld; `goal` knows what is
asked for, and `expert` how to get there. For users: docs/environments/alfworld.md.
"""
