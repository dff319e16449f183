"""Agents that repair real packages, with bugs made here and the packages' own tests.

`repositories` knows the packages (`packages` fetches them); `mutations` finds places
for bugs, and `workbench` makes and checks them; `bugs` and `shipped` load them;
`runner` runs tests through `server`, inside of a sandbox; `job` is what a `repair`
works on, here or in a container; `repair_env` and `environment` are the world.
"""
