"""SWE-Gym, SWE-bench and SWE-smith: real projects in containers of their own.

`records` reads their data and `presets` names parts of it; `engines`, `images` and
`containers` speak with Docker or Podman; `commands` and `logs` run tests and read what
they print; `job` is one task, and `environment` is the world.
"""
